internal import Artefacts
internal import Compute

/// A number of a run that the page compares between seeds, and that tables for programs have.
struct ReplicatedQuantity: Sendable {
  /// Its value in one run.
  struct Finding: Sendable {
    let value: Double
    /// 95 %, for this training as it is; nil where none is known.
    var interval: BootstrapIntervals.Interval?
    /// The artefact that says so.
    let digest: Digest
    /// Of the checkpoint that it is of, or of the first one of a pair; nil for what is of the whole training.
    var step: Int?
    /// What a reader of the number has to know.
    var note: String?
    /// The same without the numbers of this run, for what is said of several together; nil if the note has none.
    var kinds: [String]?
  }

  /// In the page.
  let html: Markup
  /// In tables for programs, with its unit where it has one.
  let name: String
  let unit: String?
  /// Nil where the run has none.
  let finding: @Sendable (ReportedRun, AnalysisResults) -> Finding?

  init(
    _ html: Markup, name: String, unit: String? = nil,
    finding: @escaping @Sendable (ReportedRun, AnalysisResults) -> Finding?
  ) {
    self.html = html
    self.name = name
    self.unit = unit
    self.finding = finding
  }

  /// Those of the fits, then those of the analyses.
  static var all: [ReplicatedQuantity] {
    let fits = ResultColumn.all.filter { $0.needsDeceleration || $0.name == "L_T" }.map { column in
      ReplicatedQuantity(column.html, name: column.name, unit: column.unit) { run, _ in
        guard column.isMeaningful(for: run) else { return nil }
        let marks = column.marks(of: run)
        return Finding(
          value: column.value(run.fit), interval: column.interval(of: run), digest: run.digest,
          note: marks.isEmpty ? nil : run.breakNote, kinds: marks.map(\.meaning))
      }
    }
    return fits + ReportedAnalyses.all.flatMap { $0.replicated }
  }
}

extension [ReplicatedQuantity.Finding] {
  /// What a reader of the mean over these has to know, and of how many of the seeds that is where it is not of all.
  func notes(of seeds: Int) -> [String] {
    let kinds = flatMap { $0.kinds ?? $0.note.map { [$0] } ?? [] }
    return Dictionary(grouping: kinds, by: \.self).sorted { $0.key < $1.key }.map { kind, same in
      same.count == seeds ? kind : "of \(same.count) of \(seeds) seeds: \(kind)"
    }
  }
}
