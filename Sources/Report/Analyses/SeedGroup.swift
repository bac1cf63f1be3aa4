internal import Compute

/// The runs that differ in their seed alone, in the order of the page.
struct SeedGroup: Sendable {
  let label: String
  let runs: [ReportedRun]

  static func groups(of runs: [ReportedRun]) -> [SeedGroup] {
    var groups: [SeedGroup] = []
    for run in runs where !groups.contains(where: { $0.runs[0].group == run.group }) {
      groups.append(SeedGroup(label: run.groupLabel, runs: runs.filter { $0.group == run.group }))
    }
    return groups
  }

  /// Nil where no run has a value.
  func spread(_ value: (ReportedRun) -> Double?) -> SeedSpread? { SeedSpread(runs.compactMap(value)) }
}
