internal import Artefacts
internal import Compute

/// Whether larger models cancel less, over the last pair of checkpoints that all of them have, judged by how seeds differ.
struct SizeTests {
  /// From the smallest size.
  private let spreads: [(group: SeedGroup, spread: SeedSpread)]
  private let pair: [Int]
  /// From each size to the next; nil where no size has two seeds.
  private let differences: [SeedDifference]?
  private let digests: [Digest]

  /// - Returns: nil with fewer than two sizes, or without a pair that all have.
  init?(_ runs: [ReportedRun], _ comparison: CurveComparison?, _ results: AnalysisResults) {
    let sizes = comparison?.rows ?? []
    func size(_ group: SeedGroup) -> Double? { sizes.first { $0.run == group.runs[0].name }?.size }
    let sized = SeedGroup.groups(of: runs.filter { !results.losses(of: $0).isEmpty })
      .compactMap { group in size(group).map { (group, $0) } }.sorted { $0.1 < $1.1 }.map(\.0)
    let common = sized.flatMap(\.runs).map { Set(results.losses(of: $0).map { [$0.from, $0.to] }) }
      .reduce(nil) { (all: Set<[Int]>?, one) in all?.intersection(one) ?? one }
    guard sized.count > 1, let pair = common?.max(by: { $0.lexicographicallyPrecedes($1) }) else {
      return nil
    }
    let spreads = sized.compactMap { group in
      group.spread { run in results.losses(of: run).first { [$0.from, $0.to] == pair }?.destructive }.map {
        (group: group, spread: $0)
      }
    }
    guard spreads.count == sized.count else { return nil }
    (self.spreads, self.pair) = (spreads, pair)
    let all = spreads.map(\.spread)
    let differences = zip(all, all.dropFirst()).compactMap { SeedDifference(from: $0, to: $1, among: all) }
    self.differences = differences.count == all.count - 1 ? differences : nil
    let names = Set(sized.flatMap(\.runs).map(\.name))
    digests = results.losses.filter { found in
      names.contains(found.result.run) && [found.result.from, found.result.to] == pair
    }.map(\.digest)
  }

  var markup: Markup {
    let list = spreads.map { group, spread -> Markup in
      let error: Markup = spread.deviation == nil ? "" : " (mean ± deviation of \(spread.values.count) seeds)"
      return
        "\(spread.deviation.map { Format.value(spread.mean, error: $0) } ?? Format.significant(spread.mean, 3)) "
        + "for \(group.label)\(error)"
    }
    return """

      <p>\(trend): from <i>t</i> = \(Format.grouped(pair[0])) to \(Format.grouped(pair[1])), the \
      last pair that all sizes have, <i>D</i> is \(list.joined(separator: ", ")).</p>
      """
  }

  /// What differs from each size to the next, where several comparisons share an error rate of 5 % (Bonferroni).
  private var trend: Markup {
    guard let differences, let degrees = differences.first?.degrees else {
      return "Whether sizes differ in how far changes cancel cannot be told from one seed each"
    }
    let test: Markup = """
       (Student's <i>t</i> over seeds with \(degrees) degrees of freedom and a common deviation, at 5 % for \
      \(differences.count == 1 ? "the one comparison" : "all \(differences.count) comparisons"))
      """
    let directions = differences.map(direction)
    let certain = directions.filter { $0 != .neither }
    if certain.isEmpty { return "Sizes are not found to differ in how far changes cancel\(test)" }
    guard certain.count == directions.count else {
      return "Some sizes differ in how far changes cancel\(test), and not each from the next"
    }
    if certain.allSatisfy({ $0 == .down }) { return "Larger models cancel less\(test)" }
    if certain.allSatisfy({ $0 == .up }) { return "Larger models cancel more\(test)" }
    return "How far changes cancel differs between sizes\(test), and does not follow them"
  }

  private func direction(of difference: SeedDifference) -> Direction {
    Direction(difference.difference, probability: difference.probability, of: spreads.count - 1)
  }

  var rows: [FindingsTable.Row] {
    (differences ?? []).enumerated().map { index, difference in
      let (one, next) = (spreads[index], spreads[index + 1])
      return FindingsTable.Row(
        scope: "sizes", name: "\(one.group.runs[0].group) and \(next.group.runs[0].group)",
        quantity: "D_difference_of_sizes", unit: nil, value: difference.difference, interval: nil,
        seeds: one.spread.values.count + next.spread.values.count, artefacts: digests, step: pair[0],
        says: direction(of: difference).says,
        test: .init(
          name: "Student's t over seeds, with a common deviation", probability: difference.probability,
          comparisons: spreads.count - 1))
    }
  }
}
