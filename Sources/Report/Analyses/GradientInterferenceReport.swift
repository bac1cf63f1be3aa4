internal import Actions
internal import Artefacts
internal import Compute

/// Interference in tokens' gradients.
enum GradientInterferenceReport: ReportedAnalysis {
  typealias Result = GradientInterferenceResult

  static let input = InputDeclaration(
    "gradients", .many, help: "interference in gradients of checkpoints: the output 'result' of zsl.gradients"
  )
  static let figures = [
    ReportedFigure("gradients", help: "D, C_g and C_uG / C_ug of tokens' gradients") { $0.gradients },
    ReportedFigure("layers", help: "D of each layer's gradients", data: { $0.layerData }) { $0.layers },
  ]

  static let replicated = [
    ReplicatedQuantity("<i>D</i>(∇) at the last checkpoint", name: "D_gradients_last") { run, results in
      results.last(GradientInterferenceReport.self, of: run).map { found, digest in
        .init(value: found.destructive, digest: digest, step: found.step)
      }
    }
  ]

  static func text(on page: Page, _ results: AnalysisResults) -> Markup { page.gradients(results) }

  static func findings(
    _ runs: [ReportedRun], _ comparison: CurveComparison?, _ results: AnalysisResults
  ) -> [FindingsTable.Row] {
    GradientTests(runs, results).rows
  }
}

extension GradientInterferenceResult: ReportedResult {}

extension AnalysisResults {
  var gradients: [(result: GradientInterferenceResult, digest: Digest)] {
    self[GradientInterferenceReport.self]
  }

  func gradients(of run: ReportedRun) -> [GradientInterferenceResult] {
    later(GradientInterferenceReport.self, of: run)
  }
}

extension AnalysisFigures {
  /// D of the gradients, C_g, and C_(u,G) / C_(u,g), each with what random signs would make of it.
  var gradients: Figure {
    func traces(_ value: (GradientInterferenceResult) -> Double?) -> [Trace] {
      runs.map { run in
        Trace(
          name: run.label, legendName: run.groupLabel, colour: run.colour,
          points: results.gradients(of: run).compactMap { Trace.Point($0.step, value($0), nil) })
      }
    }
    func nulls(_ value: (GradientInterferenceResult) -> Double?) -> [Trace] {
      runs.map { run in
        Trace(
          name: "random signs", colour: run.colour,
          points: results.gradients(of: run).compactMap { Trace.Point($0.step, value($0), nil) },
          isDashed: true)
      }
    }
    func ratio(_ sum: Double?, _ each: Double?) -> Double? {
      guard let sum, let each, each > 0 else { return nil }
      return sum / each
    }
    let panels = [
      TracePanel(
        label: "{/:Italic D}(∇)", traces: nulls(\.null) + traces { $0.destructive }, marks: marks),
      TracePanel(
        label: "{/:Italic C}_g", isLogarithmic: true, traces: nulls(\.overTokensNull) + traces(\.overTokens),
        marks: marks),
      TracePanel(
        label: "{/:Italic C}_{u,G} / {/:Italic C}_{u,g}", isLogarithmic: true,
        traces: nulls { ratio($0.ofSumNull, $0.overCoordinatesNull) }
          + traces { ratio($0.ofSum, $0.overCoordinates) }, marks: marks),
    ]
    return .traces(
      panels, title: "Interference in gradients",
      caption:
        "Of the model without embeddings. D(∇): how far the gradients of single tokens cancel in each coordinate, in the mean "
        + "over coordinates. C_g: what is left of the changes g Δ of the update over tokens. C_u,G / C_u,g: over coordinates, of "
        + "the summed gradient against single tokens. C(Δℓ) = C_g C_u,G / C_u,g. Dashed: what each would be if signs were random "
        + "and magnitudes as they are." + dotted,
      findings: range("D of the gradients") { results.gradients(of: $0).map(\.destructive) }, columns: 3,
      width: width)
  }

  /// The numbers of `layers`: a row each tile.
  var layerData: [UInt8] {
    var csv = CSV(["run", "step", "layer", "D"])
    for run in runs {
      for result in results.gradients(of: run) {
        for (layer, value) in result.layers.enumerated() {
          csv.add([run.name, String(result.step), String(layer + 1), Format.exact(value)])
        }
      }
    }
    return csv.bytes
  }

  /// D of the gradients of each layer over training, a panel each run.
  var layers: Figure {
    let all = runs.map { run in (run, results.gradients(of: run)) }.filter { !$0.1.isEmpty }
    let values = all.flatMap(\.1).flatMap(\.layers)
    let (low, high) = (values.min() ?? 0, values.max() ?? 1)
    let scale = Theme.scale
    let width = max((high - low) / Double(scale.count), 1e-9)
    let steps = all.flatMap { $0.1.map { Double($0.step) } }
    let ends = steps.flatMap { [$0 / 2.0.squareRoot(), $0 * 2.0.squareRoot()] }
    let x = Axis("step {/:Italic t}", logarithmic: true, holding: ends, air: 0)
    let panels = all.map { run, results in
      let layers = results.map(\.layers.count).max() ?? 0
      var y = Axis("layer", logarithmic: false, holding: [0.5, Double(layers) + 0.5], air: 0)
      let stride = max(1, layers / 8)
      y.ticks = Ticks(
        major: Swift.stride(from: 1, through: layers, by: stride).map { (Double($0), "\($0)") }, minor: [])
      let series = scale.enumerated().map { index, colour in
        let rows = results.flatMap { result in
          result.layers.enumerated().filter {
            Swift.min(scale.count - 1, Int(($0.element - low) / width)) == index
          }
          .map { layer, _ in
            let step = Double(result.step)
            return [
              step / 2.0.squareRoot(), step * 2.0.squareRoot(), Double(layer) + 0.5, Double(layer) + 1.5,
            ]
          }
        }
        let from = low + Double(index) * width
        return Series(
          .tiles, colour, rows, name: "D \(Format.fixed(from, 3)) to \(Format.fixed(from + width, 3))")
      }
      return Panel(heading: run.label, headingColour: run.colour, x: x, y: y, series: series)
    }
    return Figure(
      title: "Interference in gradients, layer by layer",
      caption:
        "D of the tokens' gradients in the tensors of each layer, from the first (below) to the last, at each checkpoint.",
      findings: "", panels: panels, columns: min(2, max(1, panels.count)), width: self.width, aspect: 0.55,
      legend: .above)
  }
}

extension Page {
  fileprivate func gradients(_ results: AnalysisResults) -> Markup {
    let tests = GradientTests(runs, results)
    let (ends, comparisons) = (tests.ends, tests.comparisons)
    guard !ends.isEmpty else { return "" }
    let items = ends.map { run, found -> Markup in
      let parts = found.map { finding($0, of: comparisons) }
      return "<li><strong>\(run.label)</strong>: \(parts.joined(separator: "; ")).</li>"
    }
    let test: Markup =
      comparisons == 0
      ? "Too few signs were drawn to say anything of a difference."
      : """
      Whether tokens cancel more or less than by chance is judged by draws of one sign for each token (two-sided \
      Student's test; with \(comparisons) such \(comparisons == 1 ? "comparison" : "comparisons"), each at a level of 5 % / \
      \(comparisons), so that these together err in at most 5 % of pages where there is nothing but chance).
      """
    return """

      <p>How far gradients of single tokens cancel, <i>D</i>(∇), in the mean over coordinates without embeddings. Random \
      signs would make something of it as well: the more, the more tokens count. \(test)</p>
      <ul>
      \(items.joined(separator: "\n"))
      </ul>\(Self.overSeeds(tests.overSeeds))
      """
  }

  private static func overSeeds(_ excess: [SeedChange]) -> Markup {
    guard !excess.isEmpty else { return "" }
    let items = excess.map { change -> Markup in
      return switch change.direction {
      case .up: "\(change.group.label) cancels more than by chance, by \(change.size)"
      case .down: "\(change.group.label) cancels less than by chance, by \(change.size)"
      case .neither: "\(change.group.label) is not found to differ from chance (\(change.size))"
      }
    }
    return """

      <p>At the last checkpoint and in the mean over seeds: \(items.joined(separator: "; ")) \(SeedChange.test(excess)).</p>
      """
  }

  private typealias Found = GradientTests.Found

  /// `0.95 at step 4 096, where random signs give 0.936 ± 0.002: more than by chance`
  private func finding(_ found: Found, of comparisons: Int) -> Markup {
    let result = found.result
    func value(_ value: Double, _ text: String? = nil) -> Markup {
      Page.number(text ?? Format.significant(value, 3), value, from: found.digest)
    }
    let error: Markup = result.destructiveError.map { " ± \(value($0, Format.significant($0, 2)))" } ?? ""
    let start: Markup = "\(value(result.destructive))\(error) at step \(Format.grouped(result.step))"
    guard let drawn = result.drawn, result.probabilityByChance != nil else {
      return "\(start), where random signs give \(value(result.null)) on average"
    }
    let verdict: Markup =
      switch GradientTests.direction(of: result, comparisons) {
      case .up: "more than by chance"
      case .down: "less than by chance"
      case .neither: "no difference to chance is seen"
      }
    let decimals = Format.decimals(error: drawn.deviation)
    return """
      \(start), where random signs give \(value(drawn.mean, decimals.map { Format.fixed(drawn.mean, $0) })) ± \
      \(value(drawn.deviation, decimals.map { Format.fixed(drawn.deviation, $0) })) (mean and deviation of \
      \(drawn.count) draws): \(verdict)
      """
  }
}
