internal import Compute

/// What the figures of analyses are drawn from.
struct AnalysisFigures {
  let runs: [ReportedRun]
  let results: AnalysisResults
  let published: PublishedPoints
  let width: Int

  /// Where the runs decelerate.
  var marks: [(step: Double, colour: Colour)] {
    runs.filter(\.decelerates).map { ($0.fit.curve.breakStep, $0.colour) }
  }
  /// Of captions.
  var dotted: String { marks.isEmpty ? "" : " Dotted: the deceleration step of each run." }

  /// `47k: D from 0.1 to 0.6.`
  func range(_ name: String, _ values: (ReportedRun) -> [Double]) -> String {
    runs.compactMap { run in
      let values = values(run)
      guard let first = values.first, let last = values.last else { return nil }
      return "\(run.label): \(name) from \(Format.significant(first, 2)) to \(Format.significant(last, 2))."
    }.joined(separator: " ")
  }
}

extension Trace.Point {
  /// Nil where there is no value.
  init?(_ step: Int, _ value: Double?, _ interval: BootstrapIntervals.Interval?) {
    guard let value else { return nil }
    self.init(step: Double(step), value: value, interval: interval.map { $0.lower...$0.upper })
  }

  init(_ step: Int, _ quantity: InterferenceSpread.Quantity) {
    let (mean, deviation) = (quantity.mean, quantity.deviation)
    self.init(step: Double(step), value: mean, interval: mean - deviation...mean + deviation)
  }

  /// The means over trainings that differ in their seed alone, at the steps where all of them have a value.
  /// - Parameter found: of each training, its results.
  static func means<Result: ReportedResult>(
    of found: [[Result]], _ value: (Result) -> Double?
  ) -> [Trace.Point] {
    let steps = Set(found.flatMap { $0.map(\.step) }).sorted()
    return steps.compactMap { step in
      let values = found.compactMap { results in results.first { $0.step == step }.flatMap(value) }
      guard values.count == found.count, let spread = SeedSpread(values) else { return nil }
      return Trace.Point(step: Double(step), value: spread.mean)
    }
  }
}
