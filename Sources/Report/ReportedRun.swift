internal import Artefacts
internal import Compute

/// A run as figures, tables and pages show it.
struct ReportedRun: Sendable {
  /// What readers call it.
  let label: String
  /// What readers call the runs that differ from this one in their seed alone, and this one with them.
  let groupLabel: String
  /// The same in every figure, and that of its group.
  let colour: Colour
  let analysis: CurveAnalysis
  /// Of the artefact that the analysis was read from.
  let digest: Digest

  var name: String { analysis.curve.run }
  var group: String { analysis.curve.group }
  var fit: OneBreakFit { analysis.fit }
  var decelerates: Bool { analysis.verdict == .deceleration }
  /// By `curve.prepare`, or by the authors of the curve.
  var isSmoothed: Bool { analysis.curve.wasPrepared || analysis.curve.smoothing != nil }
}

extension Verdict {
  /// As a reader is told.
  var words: String {
    switch self {
    case .deceleration: "deceleration"
    case .noBreak: "no break"
    case .saturating: "saturating"
    case .warmupBreak: "break at the end of the warm-up"
    case .notDecided: "not decided"
    }
  }
}
