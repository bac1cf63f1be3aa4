internal import Actions
internal import Artefacts
internal import Compute

/// How far gradients point the same way, layer by layer.
enum AlignmentReport: ReportedAnalysis {
  typealias Result = GradientAlignment
  typealias Quantity = (GradientAlignment.Block) -> GradientAlignment.Cosine?

  static let input = InputDeclaration(
    "alignments", .many, help: "alignment of gradients at checkpoints: the output 'result' of zsl.alignment")
  static let section = PageSection.layers
  static let figures = [
    ReportedFigure("alignment", help: "cosines between gradients in each layer") { $0.alignment }
  ]

  static let replicated = [
    quantity(
      "cosine of two sequences' gradients at the last checkpoint", "cos_sequence_pairs_last",
      \.sequencePairs),
    quantity(
      "cosine of a token's gradient with the mean of other sequences at the last checkpoint",
      "cos_token_mean_last", \.tokenMean),
  ]

  /// The model's part that numbers without more words are of.
  static let whole = "model_without_embeddings"

  private static func quantity(
    _ html: Markup, _ name: String,
    _ cosine: @escaping @Sendable (GradientAlignment.Block) -> GradientAlignment.Cosine?
  ) -> ReplicatedQuantity {
    ReplicatedQuantity(html, name: name) { run, results in
      guard let (found, digest) = results.last(AlignmentReport.self, of: run),
        let cosine = found[whole].flatMap(cosine)
      else { return nil }
      return .init(value: cosine.mean, interval: cosine.interval, digest: digest, step: found.step)
    }
  }

  static func text(on page: Page, _ results: AnalysisResults) -> Markup { page.alignment(results) }

  static func findings(
    _ runs: [ReportedRun], _ comparison: CurveComparison?, _ results: AnalysisResults
  ) -> [FindingsTable.Row] {
    let trends = results.alignmentTrends(of: runs)
    let comparisons = Self.comparisons(trends)
    return trends.flatMap { group, trends in
      trends.flatMap { found in
        [
          found.trend.row(
            "\(found.name)_change", of: group, found.trend.change, comparisons: comparisons),
          found.trend.row("\(found.name)_last", of: group, found.trend.last, comparisons: comparisons),
        ].compactMap(\.self)
      }
    }
  }

  /// Whether each changes, and whether it is more than chance at the end.
  fileprivate static func comparisons(_ trends: [AnalysisResults.AlignmentTrends]) -> Int {
    2 * trends.flatMap(\.trends).count { $0.trend.trainings.count > 1 }
  }

  /// `layer 1, feed-forward`
  static func label(_ block: String) -> String {
    let parts = block.split(separator: ".")
    guard parts.count == 3, let layer = Int(parts[1]) else {
      return block == whole ? "model without embeddings" : String(block.prefix(100))
    }
    return "layer \(layer + 1), \(parts[2] == "attention" ? "attention" : "feed-forward")"
  }
}

extension GradientAlignment: ReportedResult {}

extension GradientAlignment {
  /// Layers of the model.
  fileprivate var layers: Int { blocks.count { $0.name.hasPrefix("layer.") } / 2 }
  /// The embedding, the two parts of each layer, and the output.
  fileprivate var parts: [Block] { blocks.filter { !$0.name.hasPrefix("model") } }
}

extension AnalysisResults {
  fileprivate typealias AlignmentTrends = (
    group: SeedGroup, trends: [(name: String, words: String, trend: SeedTrend)]
  )

  fileprivate func alignmentTrends(of runs: [ReportedRun]) -> [AlignmentTrends] {
    let quantities: [(name: String, words: String, cosine: AlignmentReport.Quantity)] = [
      ("cos_sequence_pairs", "the cosine of two sequences", \.sequencePairs),
      ("cos_token_mean", "that of a token with the mean of the other sequences", \.tokenMean),
    ]
    return SeedGroup.groups(of: runs).map { group in
      let trends = quantities.compactMap { name, words, cosine in
        SeedTrend(group.runs) { run in
          self[AlignmentReport.self].filter { $0.result.run == run.name && $0.result.step > 0 }
            .compactMap { found in
              found.result[AlignmentReport.whole].flatMap(cosine).map {
                (found.result.step, $0.mean, found.digest)
              }
            }
        }.map { (name: name, words: words, trend: $0) }
      }
      return (group, trends)
    }.filter { !$0.trends.isEmpty }
  }
}

extension AnalysisFigures {
  /// A row each model, a column each quantity.
  fileprivate var alignment: Figure {
    let groups = SeedGroup.groups(of: runs).map { group in
      (group, group.runs.map { results.later(AlignmentReport.self, of: $0) }.filter { !$0.isEmpty })
    }.filter { !$0.1.isEmpty }
    let quantities: [(String, AlignmentReport.Quantity)] = [
      ("two sequences", \.sequencePairs), ("token with the others", \.tokenMean),
      ("two tokens", \.tokenPairs),
    ]
    let depth = groups.flatMap(\.1).flatMap { $0 }.map(\.layers).max() ?? 0
    let panels = groups.flatMap { group, found in
      quantities.map { label, cosine in
        TracePanel(
          heading: group.label, label: "cos, \(label)", alsoHolds: [0],
          traces: traces(found, cosine),
          marks: group.runs.filter(\.decelerates).map { ($0.fit.curve.breakStep, $0.colour) })
      }
    }
    return .traces(
      panels, title: "Alignment of gradients, layer by layer",
      caption:
        "Mean cosines between gradients of the loss, in each part of the model: of two sequences (left), of a token and the mean "
        + "of the other sequences (middle), and of two tokens of different sequences (right); feed-forward parts are dashed. Chance gives 0 in all "
        + "of them. Where there are several seeds, their mean is drawn." + LayerColours.note(layers: depth)
        + dotted,
      findings: range("cosine of two sequences' gradients") { run in
        results.later(AlignmentReport.self, of: run).compactMap {
          $0[AlignmentReport.whole]?.sequencePairs?.mean
        }
      }, columns: 3, width: width)
  }

  /// - Parameter found: of each seed, its checkpoints.
  private func traces(_ found: [[GradientAlignment]], _ cosine: AlignmentReport.Quantity) -> [Trace] {
    guard let one = found.first?.first else { return [] }
    let colours = LayerColours(one.layers, runs: runs)
    func trace(_ block: String, _ colour: Colour, isDashed: Bool = false) -> Trace {
      let points = Trace.Point.means(of: found) { $0[block].flatMap(cosine)?.mean }
      return Trace(name: AlignmentReport.label(block), colour: colour, points: points, isDashed: isDashed)
    }
    let layers = colours.layers.flatMap { layer in
      [
        trace("layer.\(layer).attention", colours.colour(of: layer)),
        trace("layer.\(layer).feed_forward", colours.colour(of: layer), isDashed: true),
      ]
    }
    return [trace("embedding", Theme.muted)] + layers
      + [trace("output", colours.output), trace(AlignmentReport.whole, Theme.ink)]
  }
}

extension Page {
  fileprivate func alignment(_ results: AnalysisResults) -> Markup {
    let trends = results.alignmentTrends(of: runs)
    guard !trends.isEmpty else { return "" }
    let comparisons = AlignmentReport.comparisons(trends)
    let items = trends.map { group, trends -> Markup in
      let parts = trends.map { _, words, trend -> Markup in
        let verdict = Page.direction(of: trend, comparisons: comparisons)
          .map { " (\($0)\(Self.chance(trend, comparisons)))" }
        return "\(words) goes \(Page.ends(of: trend))\(verdict ?? "")"
      }
      let seeds = trends[0].trend.trainings.count
      return """
        <li><strong>\(group.label)</strong>\(seeds > 1 ? ", over \(seeds) seeds" : ""): \(parts.joined(separator: "; ")).\
        \(seeds > 1 ? "" : " What another training would give cannot be told from one.")\(Self.parts(group, results))</li>
        """
    }
    let test: Markup =
      comparisons == 0
      ? ""
      : """
       What rises, falls or differs from chance over training is judged by how seeds differ (Student's test, two-sided, of \
      the changes and of the last values; each of \(comparisons) at a level of 5 % / \(comparisons)).
      """
    return """

      <p>How far gradients point the same way: mean cosines between those of sequences of the training's next batch, and \
      between those of single tokens, without embeddings. No gradient is compared with a mean that it is a part of, so chance \
      gives 0.\(test)</p>
      <ul>
      \(items.joined(separator: "\n"))
      </ul>
      """
  }

  /// Whether the last values differ from 0, which chance gives.
  private static func chance(_ trend: SeedTrend, _ comparisons: Int) -> String {
    guard let last = trend.last, last.probabilityOfZero != nil else { return "" }
    return switch last.direction(of: comparisons) {
    case .up: "; at the end more than by chance"
    case .down: "; at the end less than by chance"
    case .neither: "; at the end no difference to chance is seen"
    }
  }

  /// Where the last cosine of two sequences is the greatest, and where the least.
  private static func parts(_ group: SeedGroup, _ results: AnalysisResults) -> Markup {
    let last = group.runs.compactMap { results.last(AlignmentReport.self, of: $0)?.result }
    guard let one = last.first, last.allSatisfy({ $0.step == one.step }) else { return "" }
    let means = one.parts.compactMap { part -> (name: String, mean: Double)? in
      let values = last.compactMap { $0[part.name]?.sequencePairs?.mean }
      guard values.count == last.count, let spread = SeedSpread(values) else { return nil }
      return (part.name, spread.mean)
    }
    guard let least = means.min(by: { $0.mean < $1.mean }), let most = means.max(by: { $0.mean < $1.mean }),
      least.name != most.name
    else { return "" }
    func value(_ part: (name: String, mean: Double)) -> String {
      "\(Format.significant(part.mean, 2)) (\(AlignmentReport.label(part.name)))"
    }
    return
      " In the parts of the model the measured cosines of two sequences lie between \(value(least)) and \(value(most)) at the end."
  }
}
