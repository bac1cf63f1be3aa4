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

extension Page {
  fileprivate func spectra(_ results: AnalysisResults) -> Markup {
    let groups = SeedGroup.groups(of: runs).filter { group in
      group.runs.contains { results.last(SpectraReport.self, of: $0) != nil }
    }
    guard !groups.isEmpty else { return "" }
    let found = groups.map { group in
      (group: group, trends: trends(group, results), ends: ends(group, results))
    }
    let comparisons = found.reduce(0) { sum, found in
      sum + found.trends.count { $0.trend.trainings.count > 1 } + found.ends.count { $0.isTested }
    }
    let items = found.compactMap { group, trends, ends -> Markup? in
      let parts = trends.map { words, trend -> Markup in
        let verdict = Page.direction(of: trend, comparisons: comparisons).map { " (\($0))" }
        return "the \(words) goes \(Page.ends(of: trend, digits: 3))\(verdict ?? "")"
      }
      let last = ends.map { end -> Markup in
        let error = end.spread.deviation
        let value =
          error == nil ? Format.significant(end.spread.mean, 2) : Format.value(end.spread.mean, error: error)
        return "\(end.words) \(value)\(end.isTested ? Self.chance(end.spread, comparisons) : "")"
      }
      let all = parts + last
      guard !all.isEmpty else { return nil }
      let seeds = group.runs.count { results.last(SpectraReport.self, of: $0) != nil }
      return """
        <li><strong>\(group.label)</strong>\(seeds > 1 ? ", over \(seeds) seeds" : ""): \(all.joined(separator: "; ")).\
        \(seeds > 1 ? "" : " What another training would give cannot be told from one.")</li>
        """
    }
    let test: Markup =
      comparisons == 0
      ? ""
      : """
       What rises, falls or differs from chance is judged by how seeds differ (Student's test, two-sided; each of \
      \(comparisons) at a level of 5 % / \(comparisons)).
      """
    let dimensions = Set(
      results[SpectraReport.self].flatMap { $0.result.matrices.filter { $0.layer != nil }.map(\.leading) })
    let leading = dimensions.count == 1 ? dimensions.first : nil
    return """

      <p>Spectra of the layers' weight matrices, in the mean over matrices. The effective rank is the exponential of the entropy \
      of the singular values, the stable rank the sum of their squares in parts of the largest. The overlap of leading \
      singular spaces\(leading.map { ", of \($0) dimensions each," } ?? "") is 0 where it is what chance gives, and 1 where they are the same.\(test)</p>
      <ul>
      \(items.joined(separator: "\n"))
      </ul>
      """
  }

  /// What is told of over training.
  private func trends(
    _ group: SeedGroup, _ results: AnalysisResults
  ) -> [(words: String, trend: SeedTrend)] {
    [("effective rank", SpectraReport.effectiveRank), ("stable rank", SpectraReport.stableRank)].compactMap {
      words, value in
      SeedTrend(group.runs) { run in
        results[SpectraReport.self].filter { $0.result.run == run.name && $0.result.step > 0 }
          .compactMap { found in found.result.mean(value).map { (found.result.step, $0, found.digest) } }
      }.map { (words, $0) }
    }
  }

  private typealias End = (words: String, spread: SeedSpread, isTested: Bool)

  /// What is told of the last checkpoint that all seeds have.
  private func ends(_ group: SeedGroup, _ results: AnalysisResults) -> [End] {
    let results = results.common(to: group.runs)
    guard
      let step = group.runs.lazy.compactMap({ results.last(SpectraReport.self, of: $0)?.result.step }).first
    else { return [] }
    let quantities: [(words: String, value: SpectraReport.Quantity, hasChance: Bool)] = [
      (
        "at step \(Format.grouped(step)) the change since the initial checkpoint is, in parts of the weights there,",
        SpectraReport.relativeChange, false
      ),
      ("the leading spaces of the weights overlap with the initial ones by", SpectraReport.overlap, true),
      ("those of the change by", SpectraReport.changedOverlap, true),
    ]
    return quantities.compactMap { words, value, hasChance in
      group.spread { results.last(SpectraReport.self, of: $0)?.result.mean(value) }.map {
        (words, $0, hasChance && $0.values.count > 1)
      }
    }
  }

  private static func chance(_ spread: SeedSpread, _ comparisons: Int) -> String {
    guard let probability = spread.probabilityOfZero, probability * Double(comparisons) < 0.05 else {
      return " (no difference to chance is seen)"
    }
    return " (\(spread.mean > 0 ? "more" : "less") than by chance)"
  }
}
