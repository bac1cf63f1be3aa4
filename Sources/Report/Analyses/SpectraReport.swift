internal import Actions
internal import Artefacts
internal import Compute

/// Spectra of weights and of their changes.
enum SpectraReport: ReportedAnalysis {
  typealias Result = WeightSpectra
  typealias Quantity = @Sendable (WeightSpectra.Matrix) -> Double?

  static let input = InputDeclaration(
    "spectra", .many, help: "spectra of weights at checkpoints: the output 'result' of weights.spectra")
  static let section = PageSection.layers
  static let figures = [
    ReportedFigure("spectra", help: "ranks and leading spaces of weights") { $0.weights },
    ReportedFigure("changes", help: "size, ranks and leading spaces of what weights have changed by") {
      $0.changes
    },
  ]

  static let effectiveRank: Quantity = { $0.weights.effectiveRank }
  static let stableRank: Quantity = { $0.weights.stableRank }
  static let overlap: Quantity = { matrix in matrix.change?.weightsOverlap?.aboveChance(of: matrix) }
  static let relativeChange: Quantity = { $0.change?.relative }
  static let changedStableRank: Quantity = { $0.change?.spectrum.stableRank }
  static let changedOverlap: Quantity = { matrix in matrix.change?.changeOverlap?.aboveChance(of: matrix) }

  static let replicated = [
    quantity("effective rank of weights at the last checkpoint", "effective_rank_last", effectiveRank),
    quantity("stable rank of weights at the last checkpoint", "stable_rank_last", stableRank),
    quantity(
      "change of weights since the initial checkpoint, in parts of them", "relative_change_last",
      relativeChange),
    quantity(
      "overlap of leading singular spaces of weights with the initial ones, above chance", "overlap_last",
      overlap
    ),
    quantity(
      "overlap of leading singular spaces of the change with the initial ones, above chance",
      "overlap_of_change_last", changedOverlap),
  ]

  private static func quantity(_ html: Markup, _ name: String, _ value: @escaping Quantity)
    -> ReplicatedQuantity
  {
    ReplicatedQuantity(html, name: name) { run, results in
      results.last(SpectraReport.self, of: run).flatMap { found, digest in
        found.mean(value).map { .init(value: $0, digest: digest, step: found.step) }
      }
    }
  }

  static func text(on page: Page, _ results: AnalysisResults) -> Markup { page.spectra(results) }

  static func findings(
    _ runs: [ReportedRun], _ comparison: CurveComparison?, _ results: AnalysisResults
  ) -> [FindingsTable.Row] {
    SpectraTests(runs, results).rows
  }
}

extension WeightSpectra: ReportedResult {}

extension WeightSpectra {
  /// Over the matrices of the layers, or those with one role; nil where one of them has none.
  func mean(_ value: SpectraReport.Quantity, of role: String? = nil) -> Double? {
    let chosen = matrices.filter { role == nil ? $0.layer != nil : $0.role == role }
    let values = chosen.compactMap(value)
    return values.count == chosen.count && !values.isEmpty
      ? values.reduce(0, +) / Double(values.count) : nil
  }

  /// In the order of the computation.
  fileprivate var roles: [String] {
    matrices.map(\.role).reduce(into: []) { roles, role in if !roles.contains(role) { roles.append(role) } }
  }
}

extension AnalysisFigures {
  fileprivate var weights: Figure {
    figure(
      [
        ("effective rank", false, SpectraReport.effectiveRank),
        ("stable rank", false, SpectraReport.stableRank),
        ("overlap with initial", false, SpectraReport.overlap),
      ],
      title: "Spectra of weights",
      caption:
        "Of the weight matrices, the mean over layers and seeds. Effective rank: the exponential of the entropy of the singular "
        + "values. Stable rank: the sum of their squares in parts of the largest. Right: how far the leading singular spaces overlap "
        + "with those of the initial checkpoint, above chance: 0 is what chance gives, 1 the same spaces."
        + dotted)
  }

  fileprivate var changes: Figure {
    figure(
      [
        ("size of the change", true, SpectraReport.relativeChange),
        ("its stable rank", false, SpectraReport.changedStableRank),
        ("its overlap with initial", false, SpectraReport.changedOverlap),
      ],
      title: "Spectra of what weights have changed by",
      caption:
        "Of the differences of the weight matrices from those of the initial checkpoint, the mean over layers and seeds: their norm "
        + "in parts of that of the initial matrix, their stable rank, and how far their leading singular spaces overlap with those "
        + "of the initial matrix, above chance: 0 is what chance gives." + dotted)
  }

  /// A row each model, a column each quantity.
  private func figure(
    _ quantities: [(label: String, isLogarithmic: Bool, value: SpectraReport.Quantity)], title: String,
    caption: String
  ) -> Figure {
    let groups = SeedGroup.groups(of: runs).map { group in
      (group, group.runs.map { results.later(SpectraReport.self, of: $0) }.filter { !$0.isEmpty })
    }.filter { !$0.1.isEmpty }
    let colours = Set(runs.map(\.colour)).count
    let panels = groups.flatMap { group, found in
      quantities.map { label, isLogarithmic, value in
        TracePanel(
          heading: group.label, label: label, isLogarithmic: isLogarithmic,
          traces: (found[0].first?.roles ?? []).enumerated().map { index, role in
            Trace(
              name: role, colour: Theme.run(colours + index),
              points: Trace.Point.means(of: found) { $0.mean(value, of: role) })
          }, marks: group.runs.filter(\.decelerates).map { ($0.fit.curve.breakStep, $0.colour) })
      }
    }
    return .traces(panels, title: title, caption: caption, findings: "", columns: 3, width: width)
  }
}
