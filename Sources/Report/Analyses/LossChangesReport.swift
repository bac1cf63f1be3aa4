internal import Actions
internal import Artefacts
internal import Compute

/// Interference in the losses of tokens between checkpoints t and 2t.
enum LossChangesReport: ReportedAnalysis {
  typealias Result = LossChangeResult

  static let input = InputDeclaration(
    "losses", .many, help: "changes of losses between checkpoints t and 2t: the output 'result' of zsl.losses"
  )
  static let figures = [
    ReportedFigure("interference", help: "D, M and |dL| from t to 2t") { $0.interference },
    ReportedFigure("plane", help: "M against D with lines of equal |dL|") { $0.plane },
  ]

  static func text(on page: Page, _ results: AnalysisResults) -> Markup { page.sizes(results) }
}

extension LossChangeResult: ReportedResult {
  var step: Int { from }
}

extension AnalysisResults {
  var losses: [(result: LossChangeResult, digest: Digest)] { self[LossChangesReport.self] }

  func losses(of run: ReportedRun) -> [LossChangeResult] { later(LossChangesReport.self, of: run) }

  /// Whether D differs between two pairs of checkpoints.
  func change(of run: ReportedRun, from: Int?, to: Int?) -> LossChangeResult.Difference {
    let all = losses(of: run)
    guard let before = all.first(where: { $0.from == from }), let after = all.first(where: { $0.from == to })
    else { return .unclear }
    return before.destructiveChange(to: after)
  }
}

extension AnalysisFigures {
  /// D, M and |dL| between t and 2t.
  var interference: Figure {
    func traces(
      _ quantity: PublishedPoints.Quantity, _ point: (LossChangeResult) -> Trace.Point?
    ) -> [Trace] {
      published.traces(quantity)
        + runs.map {
          Trace(name: $0.label, colour: $0.colour, points: results.losses(of: $0).compactMap(point))
        }
    }
    let panels = [
      TracePanel(
        label: "{/:Italic D}", alsoHolds: [0, 1],
        traces: traces(.destructive) { Trace.Point($0.from, $0.destructive, $0.destructiveInterval) },
        marks: marks),
      TracePanel(
        label: "{/:Italic M} (nats/token)", isLogarithmic: true,
        traces: traces(.magnitude) { Trace.Point($0.from, $0.magnitude, $0.magnitudeInterval) }, marks: marks),
      TracePanel(
        label: "|Δ{/:Italic L}| (nats/token)", isLogarithmic: true,
        traces: traces(.change) { Trace.Point($0.from, $0.change.magnitude, nil) }, marks: marks),
    ]
    return .traces(
      panels, title: "Interference in losses from t to 2t",
      caption:
        "What the tokens' losses change by between checkpoints after t and 2t updates: D, how far the changes cancel; M, "
        + "their mean size; and |ΔL| = M (1 − D), what is left. Bars: 95 % intervals over sequences."
        + Self.dotted,
      findings: range("D", { results.losses(of: $0).compactMap(\.destructive) }), columns: 3, width: width)
  }

  /// M against D, with lines of equal |dL|.
  var plane: Figure {
    let all = runs.map { run in
      (run, results.losses(of: run).compactMap { result in result.destructive.map { (result, $0) } })
    }
    let points = all.flatMap(\.1)
    let x = Axis("{/:Italic D}", logarithmic: false, holding: points.map(\.1) + [0, 1], air: 0.02)
    let y = Axis(
      "{/:Italic M} (nats/token)", logarithmic: true, holding: points.map(\.0.magnitude), air: 0.08)
    var series = Self.levels(x, y).map { Series(.line(width: 0.75), Theme.faint, $0, name: "equal |ΔL|") }
    for (run, results) in all {
      let rows = results.map { [$0.1, $0.0.magnitude] }
      series += [Series(.line(width: 1), run.colour, rows), Series(.disc, run.colour, rows, name: run.label)]
      // The last pair that begins before t_d.
      if run.decelerates,
        let pair = results.last(where: { Double($0.0.from) <= run.fit.curve.breakStep })
      {
        series.append(
          Series(.ring, run.colour, [[pair.1, pair.0.magnitude]], name: "at the deceleration step"))
      }
    }
    return Figure(
      title: "Cancellation against size of the changes",
      caption:
        "D and M of the changes from t to 2t, joined in the order of training. Along a grey line |ΔL| = M (1 − D) is the "
        + "same: from right to left 1, 2 and 5 times powers of ten. Ring: the pair that the deceleration step falls into.",
      findings: "", panels: [Panel(x: x, y: y, series: series)], columns: 1, width: width, aspect: 0.6,
      legend: .above)
  }

  /// M = |dL| / (1 - D) for 1, 2 and 5 times powers of ten.
  private static func levels(_ x: Axis, _ y: Axis) -> [[[Double]]] {
    let powers = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10]
    return powers.flatMap { [$0, 2 * $0, 5 * $0] }.compactMap { level in
      let rows = (0...400).map { index in
        let d = x.range.lowerBound + (0.9999 - x.range.lowerBound) * Double(index) / 400
        return [d, level / (1 - d)]
      }.filter { y.range.contains($0[1]) }
      return rows.count > 1 ? rows : nil
    }
  }
}

extension Page {
  /// Whether larger models cancel less, at the last t that all of them have.
  fileprivate func sizes(_ results: AnalysisResults) -> Markup {
    let sized = (comparison?.comparison.rows ?? []).compactMap { row in
      row.size.flatMap { size in runs.first { $0.name == row.run }.map { ($0, size) } }
    }.sorted { $0.1 < $1.1 }.map(\.0).filter { !results.losses(of: $0).isEmpty }
    let common = sized.map { Set(results.losses(of: $0).map(\.from)) }.reduce(nil) { (all: Set<Int>?, one) in
      all?.intersection(one) ?? one
    }
    guard sized.count > 1, let step = common?.max() else { return "" }
    let values = sized.compactMap { run in
      results.losses.first { $0.result.run == run.name && $0.result.from == step }.flatMap { found in
        found.result.destructive.map { (run: run, value: $0, found: found) }
      }
    }
    guard values.count == sized.count else { return "" }
    let list = values.map { run, value, found in
      "\(Page.number(Format.significant(value, 2), value, from: found.digest)) for \(run.label)" as Markup
    }
    let changes = zip(values, values.dropFirst()).map {
      $0.found.result.destructiveChange(to: $1.found.result)
    }
    let verdict =
      if changes.allSatisfy({ $0 == .fell }) {
        "Larger models cancel less"
      } else if changes.allSatisfy({ $0 == .rose }) {
        "Larger models cancel more"
      } else if changes.allSatisfy({ $0 == .unclear }) {
        "Sizes do not differ in how far changes cancel, within their 95 % intervals"
      } else {
        "How far changes cancel does not follow the sizes"
      }
    return """

      <p>\(verdict): from <i>t</i> = \(Format.grouped(step)) to \(Format.grouped(2 * step)), the last pair that all sizes \
      have, <i>D</i> is \(list.joined(separator: ", ")).</p>
      """
  }
}

extension LossChangeResult {
  enum Difference { case rose, fell, unclear }

  /// How another D differs from this one: by more than their 95 % intervals, or at all where there are none.
  func destructiveChange(to other: LossChangeResult) -> Difference {
    func interval(_ result: LossChangeResult) -> BootstrapIntervals.Interval? {
      result.destructiveInterval
        ?? result.destructive.map { BootstrapIntervals.Interval(lower: $0, upper: $0) }
    }
    guard let before = interval(self), let after = interval(other) else { return .unclear }
    if after.lower > before.upper { return .rose }
    return after.upper < before.lower ? .fell : .unclear
  }
}
