internal import Actions
internal import Artefacts
internal import Compute

/// What decelerations are made of.
enum DecompositionReport: ReportedAnalysis {
  typealias Result = RateDecomposition

  static let input = InputDeclaration(
    "decompositions", .many, help: "decelerations split into factors, one each run: what zsl.decompose gives")
  static let figures = [
    ReportedFigure("decomposition", help: "how much of the deceleration each of M and D accounts for") {
      $0.decomposition
    }
  ]

  static let replicated = [
    ReplicatedQuantity("share of 1 − <i>D</i> in the fall of progress", name: "share_D") { run, results in
      guard let (found, digest) = results.decompositions.first(where: { $0.result.run == run.name }),
        let split = found.split, let shares = split.change.shares
      else { return nil }
      // Also of a training that is not found to slow down by itself: a mean over seeds of those that are would be too large. An
      // interval of a share would say that there is something to share.
      let tests = DecompositionTests(results)
      let interval = tests.foundShares(of: split) == nil ? nil : split.destructiveShareInterval
      return .init(
        value: shares.constructive, interval: interval, digest: digest, note: found.chosenNote)
    }
  ]

  static func text(on page: Page, _ results: AnalysisResults) -> Markup { page.decompositions(results) }

  static func findings(
    _ runs: [ReportedRun], _ comparison: CurveComparison?, _ results: AnalysisResults
  ) -> [FindingsTable.Row] {
    DecompositionTests(results).rows + DecompositionSeedTests(runs, results).rows
  }
}

extension RateDecomposition: ReportedResult {
  /// It is of all steps.
  var step: Int { 0 }

  /// What a reader of its shares has to know; nil where they are of a deceleration that was found.
  var chosenNote: String? {
    guard isChosen, let step = breakStep else { return nil }
    return "at step \(Format.whole(step)), which was chosen, and not found: no interval counts that choice"
  }
}

extension AnalysisResults {
  var decompositions: [(result: RateDecomposition, digest: Digest)] { self[DecompositionReport.self] }

  func decomposition(of run: ReportedRun) -> RateDecomposition? {
    decompositions.first { $0.result.run == run.name }?.result
  }
}

extension AnalysisFigures {
  /// log(-dL) = log M + log(1 - D), a panel each run.
  var decomposition: Figure {
    let split = runs.compactMap { run in results.decomposition(of: run).map { (run, $0) } }
    let tests = DecompositionTests(results)
    let panels = split.map { run, decomposition in
      let pairs = decomposition.pairs.compactMap { pair in
        pair.factors.map { (Double(pair.from), $0) }
      }
      func trace(_ name: String, _ colour: Colour, _ value: (RateDecomposition.Factors) -> Double) -> Trace {
        Trace(name: name, colour: colour, points: pairs.map { Trace.Point(step: $0.0, value: value($0.1)) })
      }
      return TracePanel(
        heading: run.label, subheading: Self.shares(decomposition, tests), label: "natural logarithm",
        traces: [
          trace("log(−ΔL)", Theme.ink, \.rate), trace("log M", Theme.factors.0, \.magnitude),
          trace("log(1 − D)", Theme.factors.1, \.constructive),
        ], marks: decomposition.breakStep.map { [($0, Theme.muted)] } ?? [])
    }
    return .traces(
      panels,
      title: !split.isEmpty && split.allSatisfy { $0.1.isChosen }
        ? "What the fall of progress is made of" : "What the deceleration is made of",
      caption:
        "The logarithm of the progress −ΔL between two checkpoints is the sum of those of M and of 1 − D; pairs whose loss rises have "
        + "none. The shares compare the pairs nearest to the deceleration step, or to a step that was chosen and not found (dotted), on each side of it, without those "
        + "that begin in the warm-up and the one that spans it; in brackets, the 95 % interval over sequences and, where the fit "
        + "has an interval of it, the deceleration step, for this training.",
      findings: split.map { "\($0.0.label): \(Self.shares($0.1, tests) ?? "no split")." }.joined(
        separator: " "),
      columns: panels.count == 4 ? 2 : 3, width: width)
  }

  private static func shares(_ decomposition: RateDecomposition, _ tests: DecompositionTests) -> String? {
    guard let split = decomposition.split else { return nil }
    guard let shares = tests.foundShares(of: split) else { return "the progress is not found to shrink" }
    let range =
      split.destructiveShareInterval.map { " [\(percent($0.lower)), \(percent($0.upper))]" } ?? ""
    return
      "D: \(percent(shares.constructive)) %\(range), M: \(percent(shares.magnitude)) %\(decomposition.isChosen ? ", at a chosen step" : "")"
  }

  private static func percent(_ share: Double) -> String { Format.fixed(100 * share, 0) }
}
