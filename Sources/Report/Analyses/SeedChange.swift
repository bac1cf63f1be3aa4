internal import Artefacts
internal import Compute

/// A difference within each of several trainings that differ in their seed alone, and whether it is one in the mean over seeds:
/// Student's test of one sample, where all that is said together errs in at most 5 % of pages (Bonferroni).
struct SeedChange: Sendable {
  let group: SeedGroup
  let spread: SeedSpread
  let direction: Direction
  /// Of a difference at least as large by chance, and of how many tests this is one.
  let probability: Double
  let comparisons: Int

  /// - Parameter comparisons: of all that is said together.
  init(_ group: SeedGroup, _ spread: SeedSpread, probability: Double, comparisons: Int) {
    (self.group, self.spread) = (group, spread)
    (self.probability, self.comparisons) = (probability, comparisons)
    direction = Direction(spread.mean, probability: probability, of: comparisons)
  }

  /// Of the groups in which at least two seeds have it.
  static func of(_ groups: [SeedGroup], _ difference: (SeedGroup) -> SeedSpread?) -> [SeedChange] {
    let found = groups.compactMap { group in
      difference(group).flatMap { spread in spread.probabilityOfZero.map { (group, spread, $0) } }
    }
    return found.map { SeedChange($0, $1, probability: $2, comparisons: found.count) }
  }

  /// The test as the table of findings has it.
  func row(_ quantity: String, from artefacts: [Digest], step: Int? = nil) -> FindingsTable.Row {
    FindingsTable.Row(
      scope: "seeds", name: group.runs[0].group, quantity: quantity, unit: nil, value: spread.mean,
      interval: spread.meanInterval.map { ("mean over seeds", $0.lowerBound, $0.upperBound) },
      seeds: spread.values.count, artefacts: artefacts, step: step,
      says: direction.says,
      test: .init(name: "Student's t over seeds", probability: probability, comparisons: comparisons))
  }

  /// How large it is, with an interval: `0.012 (0.009 to 0.015)`. Where it is certain the direction is said in words.
  var size: Markup {
    let mean = direction == .neither ? spread.mean : spread.mean.magnitude
    let text = Format.decimals(error: spread.deviation).map { Format.fixed(mean, $0) }
    return "\(text ?? Format.significant(mean, 3)) (\(Page.range(interval, like: spread)))"
  }

  private var interval: ClosedRange<Double>? {
    guard direction == .down, let interval = spread.meanInterval else { return spread.meanInterval }
    return -interval.upperBound...(-interval.lowerBound)
  }

  /// `(mean and 95 % interval over 3 seeds; Student's t, at 5 % for both)`
  static func test(_ changes: [SeedChange]) -> Markup {
    let counts = Set(changes.map(\.spread.values.count)).sorted().map(String.init)
    let together = changes.count == 1 ? "" : " for all \(changes.count) together"
    return
      "(mean and 95 % interval over \(counts.joined(separator: " or ")) seeds; Student’s <i>t</i>, at 5 %\(together))"
  }
}
