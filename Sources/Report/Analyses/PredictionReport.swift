internal import Actions
internal import Artefacts
internal import Compute

/// How well gradients predict what updates do to the losses of single tokens, and to their mean, in words that follow from
/// the numbers.
enum PredictionReport: ReportedAnalysis {
  typealias Result = PredictionResult

  static let input = InputDeclaration(
    "predictions", .many,
    help:
      "changes of single tokens' losses as predicted and as measured: the output 'result' of zsl.prediction")
  static let figures = [
    ReportedFigure("prediction", help: "how well gradients predict losses' changes") { $0.prediction },
    ReportedFigure("tokens", help: "measured against predicted changes of single tokens") { $0.tokens },
  ]

  static func text(on page: Page, _ results: AnalysisResults) -> Markup { page.predictions(results) }
}

extension PredictionResult: ReportedResult {}

extension AnalysisResults {
  var predictions: [(result: PredictionResult, digest: Digest)] { self[PredictionReport.self] }

  func predictions(of run: ReportedRun) -> [PredictionResult] { later(PredictionReport.self, of: run) }
}

extension AnalysisFigures {
  /// How well first order predicts an update of each checkpoint: all tokens together, and single ones.
  var prediction: Figure {
    func traces(_ value: (PredictionResult) -> Double?) -> [Trace] {
      runs.map { run in
        Trace(
          name: run.label, legendName: "\(run.groupLabel), measured", colour: run.colour,
          points: results.predictions(of: run).compactMap { Trace.Point($0.step, value($0), nil) })
      }
    }
    func both(_ value: (LossChange) -> Double?) -> [Trace] {
      traces { value($0.measured) }
        + runs.map { run in
          Trace(
            name: "\(run.label), predicted", legendName: "predicted", colour: run.colour,
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
        + "correlation of measured with predicted changes (in the same shapes), the slope of the line between them (1 where first order is all) "
        + "and the root mean square of what first order misses, in parts of that of the measured changes."
        + dotted,
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
    func distance(_ result: PredictionResult) -> Double { abs(Elementary.log(Double(result.step) / middle)) }
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
        Series(
          .points(radius: 2), colour, rows, name: "mean",
          intervals: result.bins.map { ($0.lower, $0.upper) }),
      ])
  }
}

extension Page {
  private typealias Found = (result: PredictionResult, digest: Digest)

  fileprivate func predictions(_ results: AnalysisResults) -> Markup {
    let items = runs.compactMap { run -> Markup? in
      let found = results.predictions.filter { $0.result.run == run.name && $0.result.step > 0 }
      guard let text = run.decelerates ? sides(found, of: run) : whole(found) else { return nil }
      return "<li><strong>\(run.label)</strong>. \(text)</li>"
    }
    guard !items.isEmpty else { return "" }
    return """

      <p>To first order, a token's gradient says what an update changes its loss by. Over the tokens of the update's own \
      batch, correlation is that of measured with predicted changes, and what is missed is the root mean square of their \
      difference, in parts of that of the measured changes.</p>
      <ul>
      \(items.joined(separator: "\n"))
      </ul>
      """
  }

  private func whole(_ found: [Found]) -> Markup? {
    guard let tokens = tokens(found) else { return nil }
    let mean: Markup =
      mean(found).map { "; the change of the mean loss is predicted \($0.text) times as large as it is" }
      ?? ""
    return "Single tokens are predicted with \(tokens)\(mean)."
  }

  private func sides(_ found: [Found], of run: ReportedRun) -> Markup? {
    let step = run.fit.curve.breakStep
    let sides = (
      found.filter { Double($0.result.step) < step }, found.filter { Double($0.result.step) >= step }
    )
    guard let before = tokens(sides.0), let after = tokens(sides.1) else { return whole(found) }
    let text: Markup = """
      Before the deceleration (\(steps(sides.0))) single tokens are predicted with \(before); after it (\(steps(sides.1))) \
      with \(after).
      """
    guard let early = mean(sides.0), let late = mean(sides.1) else { return text }
    let verdict =
      if late.values.lowerBound > early.values.upperBound {
        "that is more at every checkpoint than before"
      } else if late.values.upperBound < early.values.lowerBound {
        "that is less at every checkpoint than before"
      } else {
        "the two ranges overlap"
      }
    return text
      + """
       The change of the mean loss, which is what cancellation leaves, is predicted \(early.text) times as large as it is \
      before, and \(late.text) times after: \(verdict).
      """
  }

  private func steps(_ found: [Found]) -> Markup {
    "<i>t</i> = \(found.map { Format.grouped($0.result.step) }.joined(separator: ", "))"
  }

  /// `a correlation of 0.99 to 1.00, missing 4 % to 11 %`
  private func tokens(_ found: [Found]) -> Markup? {
    guard let correlation = range(found, \.correlation, { Format.fixed($0, 3) }) else { return nil }
    let missed: Markup =
      range(found, \.missed, { "\(Format.significant(100 * $0, 2)) %" }).map { ", missing \($0.text)" } ?? ""
    return "a correlation of \(correlation.text)\(missed)"
  }

  /// The predicted change of the mean loss in parts of the measured one.
  private func mean(_ found: [Found]) -> (text: Markup, values: ClosedRange<Double>)? {
    range(
      found,
      { result in
        let ratio = result.predicted.change / result.measured.change
        return ratio.isFinite ? ratio : nil
      }, { Format.fixed($0, 2) })
  }

  /// From the least to the greatest.
  private func range(
    _ found: [Found], _ value: (PredictionResult) -> Double?, _ format: (Double) -> String
  ) -> (text: Markup, values: ClosedRange<Double>)? {
    let values = found.compactMap { found in value(found.result).map { ($0, found.digest) } }
    guard let least = values.min(by: { $0.0 < $1.0 }), let greatest = values.max(by: { $0.0 < $1.0 }) else {
      return nil
    }
    func number(_ value: (Double, Digest)) -> Markup { Page.number(format(value.0), value.0, from: value.1) }
    let text: Markup =
      format(least.0) == format(greatest.0)
      ? number(least) : "\(number(least)) to \(number(greatest))"
    return (text, least.0...greatest.0)
  }
}
