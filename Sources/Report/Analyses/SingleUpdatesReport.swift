internal import Actions
internal import Artefacts
internal import Compute

/// Interference in the losses of tokens over single updates.
enum SingleUpdatesReport: ReportedAnalysis {
  typealias Result = StepResult

  static let input = InputDeclaration(
    "steps", .many, help: "single updates from checkpoints: the output 'result' of zsl.step")
  static let figures = [
    ReportedFigure("step", help: "D, M and |dL| of one update") { $0.steps }
  ]

  static func text(on page: Page, _ results: AnalysisResults) -> Markup { page.oneStep(results) }
}

extension StepResult: ReportedResult {}

extension AnalysisResults {
  var steps: [(result: StepResult, digest: Digest)] { self[SingleUpdatesReport.self] }

  func steps(of run: ReportedRun) -> [StepResult] { later(SingleUpdatesReport.self, of: run) }
}

extension AnalysisFigures {
  /// D, M and |dL| of single updates.
  var steps: Figure {
    func traces(_ quantity: (InterferenceSpread) -> InterferenceSpread.Quantity?) -> [Trace] {
      runs.flatMap { run in
        [(false, \StepResult.train), (true, \StepResult.evaluation)].map { isEvaluation, part in
          Trace(
            name: "\(run.label), on \(isEvaluation ? "the evaluation stream" : "its batch")",
            legendName: isEvaluation ? "on the evaluation stream" : "\(run.groupLabel), on its batch",
            colour: run.colour,
            points: results.steps(of: run).compactMap { result in
              quantity(result[keyPath: part]).map { Trace.Point(result.step, $0) }
            }, isDashed: isEvaluation)
        }
      }
    }
    let panels = [
      TracePanel(label: "{/:Italic D}", alsoHolds: [0, 1], traces: traces(\.destructive), marks: marks),
      TracePanel(
        label: "{/:Italic M} (nats/token)", isLogarithmic: true, traces: traces(\.magnitude), marks: marks),
      TracePanel(
        label: "|Δ{/:Italic L}| (nats/token)", isLogarithmic: true, traces: traces(\.change), marks: marks),
    ]
    return .traces(
      panels, title: "Interference in losses over one update",
      caption:
        "D, M and |ΔL| of the changes of the tokens' losses over one update from each checkpoint: means over batches, on "
        + "the batch itself (solid) and on the evaluation stream (dashed). Bars: one standard deviation on each side."
        + dotted,
      findings: range("D on the batch", { results.steps(of: $0).compactMap { $0.train.destructive?.mean } }),
      columns: 3, width: width)
  }
}

extension Page {
  fileprivate func oneStep(_ results: AnalysisResults) -> Markup {
    let items = runs.compactMap { run -> Markup? in
      let found = results.steps.filter { $0.result.run == run.name }
      guard let last = found.last, let train = last.result.train.destructive,
        let evaluation = last.result.evaluation.destructive
      else { return nil }
      func value(_ quantity: InterferenceSpread.Quantity) -> Markup {
        Page.number(
          Format.value(quantity.mean, error: quantity.deviation), quantity.mean, from: last.digest)
      }
      return """
        \(run.label) at step \(Format.grouped(last.result.step)): <i>D</i> = \(value(train)) on the batch, \
        \(value(evaluation)) on the evaluation stream
        """
    }
    guard !items.isEmpty else { return "" }
    // Of one batch there is none.
    let deviations = results.steps.flatMap { [$0.result.train, $0.result.evaluation] }
      .compactMap(\.destructive?.deviation)
    let error = deviations.allSatisfy { $0 == 0 } ? "" : " (± one deviation over batches)"
    return "\n<p>Over a single update\(error): \(items.joined(separator: "; ")).</p>"
  }
}
