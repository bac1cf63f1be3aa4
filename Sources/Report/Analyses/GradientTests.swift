internal import Artefacts
internal import Compute

/// Whether gradients of tokens cancel more or less than by chance: what the page says of it follows from these tests.
struct GradientTests {
  typealias Found = (result: GradientInterferenceResult, digest: Digest)

  /// The first and the last result of each run that has any.
  let ends: [(run: ReportedRun, found: [Found])]
  /// How many of them are tested.
  let comparisons: Int
  /// At the last checkpoint, in the mean over trainings that differ in their seed alone.
  let overSeeds: [SeedChange]
  private let all: [Found]

  init(_ runs: [ReportedRun], _ results: AnalysisResults) {
    let all = results.gradients
    ends = runs.map { run in
      let found = all.filter { $0.result.run == run.name }
      return (run, found.count > 1 ? [found[0], found[found.count - 1]] : found)
    }.filter { !$0.found.isEmpty }
    comparisons = ends.flatMap(\.found).count { $0.result.probabilityByChance != nil }
    overSeeds = SeedChange.of(SeedGroup.groups(of: runs)) { group in
      let last = group.runs.compactMap { results.gradients(of: $0).last }
      guard Set(last.map(\.step)).count == 1 else { return nil }
      return SeedSpread(last.compactMap { result in result.drawn.map { result.destructive - $0.mean } })
    }
    self.all = all
  }

  /// Whether gradients cancel more or less than with random signs.
  static func direction(of result: GradientInterferenceResult, _ comparisons: Int) -> Direction {
    Direction(
      result.drawn.map { result.destructive - $0.mean } ?? 0, probability: result.probabilityByChance,
      of: comparisons)
  }

  var rows: [FindingsTable.Row] {
    let single = ends.flatMap { run, found in
      found.compactMap { result, digest -> FindingsTable.Row? in
        guard let drawn = result.drawn, let probability = result.probabilityByChance else { return nil }
        return FindingsTable.Row(
          scope: "run", name: run.name, quantity: "D_gradients_above_chance", unit: nil,
          value: result.destructive - drawn.mean, interval: nil, seeds: 1, artefacts: [digest],
          step: result.step,
          says: Self.direction(of: result, comparisons).says,
          test: .init(
            name: "Student's t over draws of random signs", probability: probability, comparisons: comparisons
          ))
      }
    }
    let seeds = overSeeds.map { change in
      let last = change.group.runs.compactMap { run in all.last { $0.result.run == run.name } }
        .filter { $0.result.drawn != nil }
      return change.row(
        "D_gradients_above_chance", from: last.map(\.digest), step: last.first?.result.step)
    }
    return single + seeds
  }
}
