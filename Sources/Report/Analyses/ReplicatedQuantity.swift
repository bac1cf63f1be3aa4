internal import Compute

/// A number of a run that the page compares between seeds.
struct ReplicatedQuantity: Sendable {
  /// In the page.
  let html: Markup
  /// In tables for programs, with its unit where it has one.
  let name: String
  let unit: String?
  /// Nil where the run has none.
  let value: @Sendable (ReportedRun, AnalysisResults?) -> Double?

  init(
    _ html: Markup, name: String, unit: String? = nil,
    value: @escaping @Sendable (ReportedRun, AnalysisResults?) -> Double?
  ) {
    self.html = html
    self.name = name
    self.unit = unit
    self.value = value
  }

  /// Those of the fits, then those of the analyses.
  static var all: [ReplicatedQuantity] {
    let fits = ResultColumn.all.filter { $0.needsDeceleration || $0.name == "L_T" }.map { column in
      ReplicatedQuantity(column.html, name: column.name, unit: column.unit) { run, _ in
        column.isMeaningful(for: run) ? column.value(run.fit) : nil
      }
    }
    return fits + ReportedAnalyses.all.flatMap { $0.replicated }
  }
}

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
