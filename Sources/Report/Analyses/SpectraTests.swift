internal import Artefacts
internal import Compute

/// What is told and tested of spectra of weights, of each model over its seeds.
struct SpectraTests {
  typealias Trend = (name: String, words: String, trend: SeedTrend)
  typealias End = (name: String, words: String, spread: SeedSpread, isTested: Bool)

  let found: [(group: SeedGroup, trends: [Trend], ends: [End])]
  private let results: AnalysisResults

  init(_ runs: [ReportedRun], _ results: AnalysisResults) {
    self.results = results
    found = SeedGroup.groups(of: runs)
      .filter { group in group.runs.contains { results.last(SpectraReport.self, of: $0) != nil } }
      .map { ($0, Self.trends($0, results), Self.ends($0, results)) }
  }

  var comparisons: Int {
    found.reduce(0) { sum, found in
      sum + found.trends.count { $0.trend.trainings.count > 1 } + found.ends.count { $0.isTested }
    }
  }

  var rows: [FindingsTable.Row] {
    found.flatMap { group, trends, ends in
      let names = group.runs.map(\.name)
      let common = results.common(to: group.runs)[SpectraReport.self]
      let step = common.filter { names.contains($0.result.run) }.map(\.result.step).max()
      let last = common.filter { $0.result.step == step }.map(\.digest)
      let changes = trends.compactMap { name, _, trend in
        trend.row("\(name)_change", of: group, trend.change, comparisons: comparisons)
      }
      let chances = ends.compactMap { end -> FindingsTable.Row? in
        guard end.isTested, let probability = end.spread.probabilityOfZero else { return nil }
        return SeedChange(group, end.spread, probability: probability, comparisons: comparisons)
          .row("\(end.name)_above_chance", from: last, step: step)
      }
      return changes + chances
    }
  }

  /// What is told of over training.
  private static func trends(
    _ group: SeedGroup, _ results: AnalysisResults
  ) -> [Trend] {
    [
      ("effective_rank", "effective rank", SpectraReport.effectiveRank),
      ("stable_rank", "stable rank", SpectraReport.stableRank),
    ].compactMap { name, words, value in
      SeedTrend(group.runs) { run in
        results[SpectraReport.self].filter { $0.result.run == run.name && $0.result.step > 0 }
          .compactMap { found in found.result.mean(value).map { (found.result.step, $0, found.digest) } }
      }.map { (name, words, $0) }
    }
  }

  /// What is told of the last checkpoint that all seeds have.
  private static func ends(_ group: SeedGroup, _ results: AnalysisResults) -> [End] {
    let results = results.common(to: group.runs)
    guard
      let step = group.runs.lazy.compactMap({ results.last(SpectraReport.self, of: $0)?.result.step }).first
    else { return [] }
    let quantities: [(name: String, words: String, value: SpectraReport.Quantity, hasChance: Bool)] = [
      (
        "relative_change_last",
        "at step \(Format.grouped(step)) the change since the initial checkpoint is, in parts of the weights there,",
        SpectraReport.relativeChange, false
      ),
      (
        "overlap_last", "the leading spaces of the weights overlap with the initial ones by",
        SpectraReport.overlap, true
      ),
      ("overlap_of_change_last", "those of the change by", SpectraReport.changedOverlap, true),
    ]
    return quantities.compactMap { name, words, value, hasChance in
      group.spread { results.last(SpectraReport.self, of: $0)?.result.mean(value) }.map {
        (name, words, $0, hasChance && $0.values.count > 1)
      }
    }
  }
}
