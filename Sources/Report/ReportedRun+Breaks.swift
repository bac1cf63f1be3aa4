internal import Compute

/// What stands beside t_d, or against it.
extension ReportedRun {
  /// The law that is supported, where it has a break behind which the loss falls slower.
  var brokenLaw: BreakEvidence.Law? { analysis.verdict == .noBreak ? nil : analysis.supportedLaw }

  /// There is more than one change of slope, so that t_d is a summary of them.
  var slopeChanges: SlopeChanges? { decelerates ? analysis.slopeChanges : nil }

  /// The law that is supported, where it has one break, as t_d has, and is not the law that t_d is of.
  var otherLaw: BreakEvidence.Law? {
    guard decelerates, slopeChanges == nil, let law = brokenLaw, !law.isOneBreakFit else { return nil }
    return law
  }

  /// t_d leaves its interval when the cut of the transient moves.
  var moves: Bool { decelerates && !analysis.movingCuts.isEmpty }

  /// The same; nil where no t_d is to be read, or it has no interval to leave.
  var movesIfKnown: Bool? { decelerates && analysis.intervals != nil ? moves : nil }

  /// What of it stands beside a t_d in tables and figures, as `BreakMark` says.
  var marks: [BreakMark] {
    (moves ? [.moves] : []) + (slopeChanges == nil ? [] : [.isSummary]) + (otherLaw == nil ? [] : [.isOther])
  }

  /// t_d with the least and with the greatest of the cuts that were tried.
  var breakStepsByCut: ClosedRange<Double>? {
    let steps = analysis.sensitivity.map(\.curve.breakStep) + [fit.curve.breakStep]
    guard decelerates, let least = steps.min(), let most = steps.max() else { return nil }
    return least...most
  }

  /// `1076 [1008, 1162], 2186 [1547, 2919]`
  var breaksText: String {
    guard let law = brokenLaw else { return "" }
    return law.breaks.enumerated().map { index, step in
      let interval = law.intervals?.ofBreak(index).map {
        " [\(Format.whole($0.lower)), \(Format.whole($0.upper))]"
      }
      return Format.whole(step) + (interval ?? "")
    }.joined(separator: ", ")
  }

  /// What is told of its t_d in a sentence; empty where nothing is.
  var breakNote: String {
    var notes: [String] = []
    if let slopeChanges {
      let places = slopeChanges.steps.enumerated().map { index, step in
        Format.whole(step)
          + (slopeChanges.intervals?.ofBreak(index).map {
            " (95 %: \(Format.whole($0.lower)) to \(Format.whole($0.upper)))"
          } ?? "")
      }.joined(separator: " and ")
      notes.append("is a summary of changes of slope at \(places)")
    }
    if let otherLaw {
      notes.append(
        "is of one break alone, where \(otherLaw.name) is the law that is supported, with its break at \(breaksText)"
      )
    }
    if moves, let range = breakStepsByCut {
      notes.append(
        "moves from \(Format.whole(range.lowerBound)) to \(Format.whole(range.upperBound)) with the cut of the transient"
      )
    }
    return notes.joined(separator: ", and ")
  }
}

/// A mark beside a t_d that is not all that is to be said.
enum BreakMark: CaseIterable, Sendable {
  case moves, isSummary, isOther

  var text: String {
    switch self {
    case .moves: "†"
    case .isSummary: "‡"
    case .isOther: "§"
    }
  }
  var latex: String {
    switch self {
    case .moves: "\\dagger"
    case .isSummary: "\\ddagger"
    case .isOther: "\\S"
    }
  }

  /// What it says, in notes under tables and figures.
  var meaning: String {
    switch self {
    case .moves: "moves with the cut of the transient, beyond its interval"
    case .isSummary: "is a summary of more than one change of slope"
    case .isOther: "is of one break alone, which is not the law that is supported"
    }
  }

  /// `† t_d moves ...; ‡ t_d is ...`, of the marks that stand beside some run; nil where none does.
  static func legend(_ runs: [ReportedRun]) -> String? {
    let used = allCases.filter { mark in runs.contains { $0.marks.contains(mark) } }
    return used.isEmpty ? nil : used.map { "\($0.text) t_d \($0.meaning)" }.joined(separator: "; ")
  }
}
