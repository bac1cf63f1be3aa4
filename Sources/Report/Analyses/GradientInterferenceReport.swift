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
        .init(value: found.destructive, digest: digest)
      }
    }
  ]

  static func text(on page: Page, _ results: AnalysisResults) -> Markup { page.gradients(results) }
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
  /// D of the gradients with what chance alone gives, C_g, and C_(u,G) / C_(u,g).
  var gradients: Figure {
    let all = runs.flatMap { results.gradients(of: $0) }
    func traces(_ value: (GradientInterferenceResult) -> Double?) -> [Trace] {
      runs.map { run in
        Trace(
          name: run.label, legendName: run.groupLabel, colour: run.colour,
          points: results.gradients(of: run).compactMap { Trace.Point($0.step, value($0), nil) })
      }
    }
    let steps = all.map(\.step)
    let null = Trace(
      name: "independent tokens", colour: Theme.muted,
      points: [steps.min(), steps.max()].compactMap { step in
        step.flatMap { step in all.first { $0.step == step }.flatMap { Trace.Point(step, $0.null, nil) } }
      }, isDashed: true)
    let panels = [
      TracePanel(
        label: "{/:Italic D}(∇)", traces: [null] + traces { $0.destructive }, marks: marks),
      TracePanel(label: "{/:Italic C}_g", isLogarithmic: true, traces: traces(\.overTokens), marks: marks),
      TracePanel(
        label: "{/:Italic C}_{u,G} / {/:Italic C}_{u,g}", isLogarithmic: true,
        traces: traces { result in
          guard let sum = result.ofSum, let each = result.overCoordinates, each > 0 else { return nil }
          return sum / each
        }, marks: marks),
    ]
    return .traces(
      panels, title: "Interference in gradients",
      caption:
        "Of the model without embeddings. D(∇): how far the gradients of single tokens cancel in each coordinate, in the mean "
        + "over coordinates; dashed, what independent tokens of mean zero would give. C_g: what is left of the changes g Δ "
        + "of the update over tokens. C_u,G / C_u,g: over coordinates, of the summed gradient against single tokens. "
        + "C(Δℓ) = C_g C_u,G / C_u,g." + Self.dotted,
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
    let items = runs.compactMap { run -> Markup? in
      let found = results.gradients.filter { $0.result.run == run.name }
      guard let first = found.first, let last = found.last else { return nil }
      func value(_ value: Double) -> Markup {
        Page.number(Format.significant(value, 3), value, from: last.digest)
      }
      let start = Page.number(
        Format.significant(first.result.destructive, 3), first.result.destructive, from: first.digest)
      return """
        \(run.label) from \(start) at step \(Format.grouped(first.result.step)) to \(value(last.result.destructive)) at \
        step \(Format.grouped(last.result.step)), where independent tokens would give \(value(last.result.null))
        """
    }
    guard !items.isEmpty else { return "" }
    return """

      <p>How far gradients of single tokens cancel, <i>D</i>(∇), in the mean over coordinates without embeddings, goes: \
      \(items.joined(separator: "; ")).</p>
      """
  }
}
