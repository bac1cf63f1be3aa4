import Artefacts
import Compute
import System

/// Analyses as text: the published table's columns, and below it what makes each row believable.
struct FitTable {
  let analyses: [CurveAnalysis]

  var text: String { ([table] + analyses.map(details)).joined(separator: "\n\n") }

  private var table: String {
    let heading = [
      "run", "b", "c0", "c1", "log d1", "f1", "RSLE", "L_d", "t_d", "r_d", "pred. L_T", "L_T", "verdict",
    ]
    var table = Table([.left] + Array(repeating: .right, count: 11) + [.left], heading: heading)
    for analysis in analyses {
      let fit = analysis.fit
      let curve = fit.curve
      table.add([
        analysis.curve.run, fixed(curve.b, 5), fixed(curve.c0, 7), fixed(curve.c1, 7), fixed(curve.logD1, 6),
        fixed(curve.f1, 6), fixed(fit.quality.rsle, 6), fixed(curve.breakLoss, 4), step(curve.breakStep),
        fixed(curve.finalRate, 6), fixed(fit.predictedLastLoss, 4), fixed(fit.lastLoss, 4),
        analysis.verdict.rawValue,
      ])
    }
    return table.text()
  }

  /// Whole steps, as they are published: int(d1).
  private func step(_ value: Double) -> String { fixed(value.rounded(.down), 0) }

  private func details(_ analysis: CurveAnalysis) -> String {
    let fit = analysis.fit
    var table = Table(.left, .left)
    table.add(
      "points",
      "\(fit.quality.points) from step \(fit.firstStep) to \(fit.lastStep); "
        + "\(fit.startsAtOptimum) of \(fit.starts) starts reached this optimum")
    if let intervals = analysis.intervals {
      func text(_ interval: BootstrapIntervals.Interval, _ decimals: Int) -> String {
        "\(fixed(interval.lower, decimals)) … \(fixed(interval.upper, decimals))"
      }
      table.add(
        "95 % intervals",
        "t_d \(step(intervals.breakStep.lower)) … \(step(intervals.breakStep.upper)), L_d \(text(intervals.breakLoss, 4)), "
          + "r_d \(text(intervals.finalRate, 6)), L_T \(text(intervals.predictedLastLoss, 4)) "
          + "(\(intervals.resamples) resamples of \(intervals.source.words))")
    }
    if let law = analysis.supportedLaw, !law.breaks.isEmpty, !law.isOneBreakFit {
      let breaks = law.breaks.enumerated().map { index, place in
        "\(step(place))"
          + (law.intervals?.ofBreak(index).map { " (\(step($0.lower)) … \(step($0.upper)))" } ?? "")
      }.joined(separator: ", ")
      if let obstacle = law.obstacle {
        table.add("breaks", "\(breaks), of \(law.name); no intervals are known: \(obstacle)")
      } else {
        table.add("breaks, 95 %", "\(breaks), of \(law.name)")
      }
    }
    let cuts = analysis.sensitivity.map { "\(step($0.curve.breakStep)) at \($0.skip)" }
    if !cuts.isEmpty { table.add("t_d by cut", cuts.joined(separator: ", ")) }
    let remarks = analysis.reasons.map { "  " + $0 } + analysis.curve.notes.map { "  note: \($0)" }
    let lines = ["\(analysis.curve.run): \(analysis.verdict.rawValue)"] + remarks
    let texts = [table.text(indent: "  ")] + laws(analysis)
    return (lines.map { $0.visible() } + texts).joined(separator: "\n")
  }

  /// What each law makes of the run, the best first.
  private func laws(_ analysis: CurveAnalysis) -> [String] {
    guard let evidence = analysis.evidence else { return [] }
    var table = Table(
      [.left, .right, .right, .right, .right, .left],
      heading: ["law", "behind", "RSLE", "ahead", "k", "breaks"])
    for law in evidence.laws {
      table.add([
        law.name, fixed(law.behind, 1), fixed(law.rsle, 5), law.predictionError.map { fixed($0, 5) } ?? "",
        "\(law.parameters)", law.breaks.map(step).joined(separator: ", "),
      ])
    }
    let noise =
      evidence.isFromSteps
      ? "the noise of single steps (autocorrelation \(fixed(evidence.persistence, 2)))"
      : "what the best law leaves"
    return [
      "  laws over \(evidence.windows) windows, under \(noise); behind: 2 log odds to the best; ahead: RSLE of the second half "
        + "by a fit to the first; k: parameters",
      table.text(indent: "    "),
    ]
  }
}

extension BootstrapIntervals.Source {
  fileprivate var words: String {
    switch self {
    case .steps: "the noise of the steps"
    case .differences: "the noise behind a published moving average, from differences of its points"
    case .residuals: "the residuals, as an AR(1)"
    }
  }
}
