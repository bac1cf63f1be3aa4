internal import Artefacts
internal import Compute

/// A quantity of trainings that differ in their seed alone, at the first and the last checkpoint that all of them have.
struct SeedTrend: Sendable {
  typealias Value = (step: Int, value: Double, digest: Digest)

  /// Of each training that has the quantity at both.
  let trainings: [(first: Value, last: Value)]

  /// - Parameter values: of a run, at ascending steps.
  /// - Returns: nil where there are no two checkpoints that a run has in common with all others.
  init?(_ runs: [ReportedRun], _ values: (ReportedRun) -> [Value]) {
    let all = runs.map(values).filter { !$0.isEmpty }
    let steps = all.map { Set($0.map(\.step)) }
    let common = steps.dropFirst().reduce(steps.first ?? []) { $0.intersection($1) }
    guard let from = common.min(), let to = common.max(), from < to else { return nil }
    trainings = all.compactMap { values in
      guard let first = values.first(where: { $0.step == from }),
        let last = values.first(where: { $0.step == to })
      else { return nil }
      return (first, last)
    }
  }

  var first: SeedSpread? { SeedSpread(trainings.map(\.first.value)) }
  var last: SeedSpread? { SeedSpread(trainings.map(\.last.value)) }
  /// From the first to the last checkpoint, in each training.
  var change: SeedSpread? { SeedSpread(trainings.map { $0.last.value - $0.first.value }) }
}

extension SeedTrend {
  /// The test of the change over training, or of the last value, as the table of findings has it; nil for one seed.
  func row(
    _ quantity: String, of group: SeedGroup, _ spread: SeedSpread?, comparisons: Int
  ) -> FindingsTable.Row? {
    guard let spread, let probability = spread.probabilityOfZero else { return nil }
    return SeedChange(group, spread, probability: probability, comparisons: comparisons).row(
      quantity, from: trainings.flatMap { [$0.first.digest, $0.last.digest] },
      step: trainings.first?.last.step)
  }
}

extension Page {
  /// `0.61 ± 0.02 at step 1 to 0.05 ± 0.01 at step 1600`, each with its deviation over seeds.
  static func ends(of trend: SeedTrend, digits: Int = 2) -> Markup {
    func end(_ spread: SeedSpread?, _ values: [SeedTrend.Value]) -> Markup {
      guard let spread, let one = values.first else { return "" }
      let text =
        spread.deviation.map { Format.value(spread.mean, error: $0) }
        ?? Format.significant(spread.mean, digits)
      let number = values.count == 1 ? Page.number(text, one.value, from: one.digest) : "\(text)"
      return "\(number) at step \(Format.grouped(one.step))"
    }
    let (first, last) = (trend.trainings.map(\.first), trend.trainings.map(\.last))
    return "from \(end(trend.first, first)) to \(end(trend.last, last))"
  }

  /// Whether it rises or falls over training, by a test over seeds of which there are so many on the page; nil for one seed.
  static func direction(of trend: SeedTrend, comparisons: Int) -> String? {
    guard let change = trend.change, change.probabilityOfZero != nil else { return nil }
    return switch change.direction(of: comparisons) {
    case .up: "rises"
    case .down: "falls"
    case .neither: "no change is seen over training"
    }
  }
}
