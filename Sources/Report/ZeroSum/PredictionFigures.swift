internal import Compute
internal import Glibc

/// The figures of what gradients predict of an update, and what it does.
extension ZeroSumFigures {
  /// How well first order predicts an update of each checkpoint: all tokens together, and single ones.
  var prediction: Figure {
    func traces(_ value: (PredictionResult) -> Double?) -> [Trace] {
      runs.map { run in
        Trace(
          name: run.label, colour: run.colour,
          points: results.predictions(of: run).compactMap { Trace.Point($0.step, value($0), nil) })
      }
    }
    func both(_ value: (LossChange) -> Double?) -> [Trace] {
      traces { value($0.measured) }
        + runs.map { run in
          Trace(
            name: "predicted", colour: run.colour,
            points: results.predictions(of: run).compactMap {
              Trace.Point($0.step, value($0.predicted), nil)
            },
            isDashed: true)
        }
    }
    let panels = [
      TracePanel(
        label: "{/:Italic D}", alsoHolds: [0, 1], traces: both(\.destructive), marks: marks),
      TracePanel(
        label: "{/:Italic M} (nats/token)", isLogarithmic: true, traces: both(\.magnitude), marks: marks),
      TracePanel(
        label: "|Δ{/:Italic L}| (nats/token)", isLogarithmic: true, traces: both { $0.change.magnitude },
        marks: marks),
      TracePanel(label: "correlation", alsoHolds: [1], traces: traces(\.correlation), marks: marks),
      TracePanel(label: "slope", alsoHolds: [1], traces: traces(\.slope), marks: marks),
      TracePanel(label: "missed / measured", isLogarithmic: true, traces: traces(\.missed), marks: marks),
    ]
    return .traces(
      panels, title: "Predicted against measured changes of losses",
      caption:
        "One update from each checkpoint on its own batch. Above: D, M and |ΔL| of the changes of the tokens' losses, as "
        + "measured (solid) and as the tokens' gradients predict them to first order (dashed). Below, token by token: the "
        + "correlation of measured with predicted changes, the slope of the line between them (1 where first order is all) "
        + "and the root mean square of what first order misses, in parts of that of the measured changes."
        + Self.dotted,
      findings: range("correlation") { results.predictions(of: $0).compactMap(\.correlation) }, columns: 3,
      width: width)
  }

  /// Measured against predicted changes of single tokens, at the first checkpoint, at the last one, and at the one nearest to
  /// the deceleration step (or in the middle): a row of panels each run.
  var tokens: Figure {
    let panels = runs.flatMap { run in
      shown(of: run).map { result in
        panel(of: result, heading: "\(run.label), t = \(Format.grouped(result.step))", run.colour)
      }
    }
    let most = runs.map { shown(of: $0).count }.max() ?? 1
    return Figure(
      title: "Predicted against measured changes, token by token",
      caption:
        "What one update on its own batch changes the losses of tokens by, against what their gradients predict to first "
        + "order: means over bins of equally many tokens, by the predicted change. Bars: from the 10th to the 90th percentile "
        + "of the measured changes in a bin. Dashed: both the same. Below 0 the loss goes down.",
      findings: "", panels: panels, columns: max(1, most), width: width, aspect: 0.95, legend: .none)
  }

  private func shown(of run: ReportedRun) -> [PredictionResult] {
    let all = results.predictions(of: run)
    guard all.count > 3, let first = all.first, let last = all.last else { return all }
    let middle =
      run.decelerates ? run.fit.curve.breakStep : (Double(first.step) * Double(last.step)).squareRoot()
    func distance(_ result: PredictionResult) -> Double { abs(log(Double(result.step) / middle)) }
    let nearest = all.dropFirst().dropLast().min { distance($0) < distance($1) }
    return [first, nearest, last].compactMap(\.self)
  }

  private func panel(of result: PredictionResult, heading: String, _ colour: Colour) -> Panel {
    var x = Axis(
      "predicted change (nats)", logarithmic: false, holding: result.bins.map(\.predicted), air: 0.08)
    x.ticks = .linear(x.range, intervals: 3)
    let y = Axis(
      "measured change (nats)", logarithmic: false,
      holding: result.bins.flatMap { [$0.predicted, $0.measured, $0.lower, $0.upper] })
    let rows = result.bins.map { [$0.predicted, $0.measured] }
    let ends = [
      max(x.range.lowerBound, y.range.lowerBound), min(x.range.upperBound, y.range.upperBound),
    ]
    return Panel(
      heading: heading, headingColour: colour,
      subheading: result.correlation.map { "correlation \(Format.fixed($0, 3))" }, x: x, y: y,
      series: [
        Series(
          .dashed(width: 1), Theme.muted, ends[0] < ends[1] ? ends.map { [$0, $0] } : [], name: "equal"),
        Series(.bars, colour, result.bins.map { [$0.predicted, $0.lower, $0.upper] }),
        Series(.points(radius: 2), colour, rows, name: "mean"),
      ])
  }
}
