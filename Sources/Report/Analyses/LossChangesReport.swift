internal import Actions
internal import Artefacts
internal import Compute

/// Interference in the losses of tokens between two checkpoints, such as t and 2t.
enum LossChangesReport: ReportedAnalysis {
  typealias Result = LossChangeResult

  static let input = InputDeclaration(
    "losses", .many, help: "changes of losses between two checkpoints: the output 'result' of zsl.losses"
  )
  static let figures = [
    ReportedFigure("interference", help: "D, M and |dL| between two checkpoints") { $0.interference },
    ReportedFigure("plane", help: "M against D with lines of equal |dL|") { $0.plane },
  ]

  static let replicated = [
    ReplicatedQuantity("<i>D</i> of the last pair of checkpoints", name: "D_last_pair") { run, results in
      results.last(LossChangesReport.self, of: run).flatMap { found, digest in
        found.destructive.map {
          .init(value: $0, interval: found.destructiveInterval, digest: digest, step: found.from)
        }
      }
    }
  ]

  static func text(on page: Page, _ results: AnalysisResults) -> Markup {
    SizeTests(page.runs, page.comparison?.comparison, results)?.markup ?? ""
  }

  static func findings(
    _ runs: [ReportedRun], _ comparison: CurveComparison?, _ results: AnalysisResults
  ) -> [FindingsTable.Row] {
    SizeTests(runs, comparison, results)?.rows ?? []
  }
}

extension LossChangeResult: ReportedResult {
  var step: Int { from }
}

extension AnalysisResults {
  var losses: [(result: LossChangeResult, digest: Digest)] { self[LossChangesReport.self] }

  func losses(of run: ReportedRun) -> [LossChangeResult] { later(LossChangesReport.self, of: run) }
}

extension AnalysisFigures {
  /// D, M and |dL| between t and 2t.
  var interference: Figure {
    func traces(
      _ quantity: PublishedPoints.Quantity, _ point: (LossChangeResult) -> Trace.Point?
    ) -> [Trace] {
      published.traces(quantity)
        + runs.map {
          Trace(
            name: $0.label, legendName: $0.groupLabel, colour: $0.colour,
            points: results.losses(of: $0).compactMap(point))
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
      panels, title: "Interference in losses from one checkpoint to the next",
      caption:
        "What the tokens' losses change by between two checkpoints, drawn at the first: D, how far the changes cancel; M, "
        + "their mean size; and |ΔL| = M (1 − D), what is left. Bars: 95 % intervals over sequences, "
        + "where these are at least \(SequenceBootstrap.fewest)."
        + dotted,
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
    let levels = Self.labelled(Self.levels(x, y), x)
    var series = levels.map { Series(.line(width: 0.75), Theme.faint, $0.rows, name: "equal |ΔL|") }
    let notes = levels.map { (text: Format.short($0.level), x: $0.rows[0][0], y: $0.rows[0][1]) }
    for (run, results) in all {
      let rows = results.map { [$0.1, $0.0.magnitude] }
      series += [
        Series(.line(width: 1), run.colour, rows),
        Series(.marker, run.colour, rows, name: run.label, legendName: run.groupLabel),
      ]
      // The pair that t_d lies in; one that ends there is before it.
      if run.decelerates,
        let pair = results.last(where: {
          Double($0.0.from) <= run.fit.curve.breakStep && run.fit.curve.breakStep < Double($0.0.to)
        })
      {
        series.append(
          Series(.ring, run.colour, [[pair.1, pair.0.magnitude]], name: "at the deceleration step"))
      }
    }
    return Figure(
      title: "Cancellation against size of the changes",
      caption:
        "D and M of the changes between two checkpoints, joined in the order of training. Along a grey line |ΔL| = M (1 − D) is the "
        + "same, in nats per token as it says at its end."
        + (series.contains { $0.style == .ring }
          ? " Ring: the pair that the deceleration step falls into." : ""),
      findings: "", panels: [Panel(x: x, y: y, series: series, notes: notes)], columns: 1, width: width,
      aspect: 0.6,
      legend: .above)
  }

  /// Those that have room for their level where they enter the panel: a line without it would say nothing.
  private static func labelled(
    _ levels: [(level: Double, rows: [[Double]])], _ x: Axis
  ) -> [(level: Double, rows: [[Double]])] {
    let span = x.range.upperBound - x.range.lowerBound
    var kept: [(level: Double, rows: [[Double]])] = []
    for (level, rows) in levels {
      guard let end = rows.first, end[0] < x.range.upperBound - 0.06 * span,
        kept.allSatisfy({
          abs($0.rows[0][0] - end[0]) > 0.05 * span
            || !($0.rows[0][1] / 1.1...$0.rows[0][1] * 1.1).contains(end[1])
        })
      else { continue }
      kept.append((level, rows))
    }
    return kept
  }

  /// M = |dL| / (1 - D) for 1, 2 and 5 times powers of ten.
  private static func levels(_ x: Axis, _ y: Axis) -> [(level: Double, rows: [[Double]])] {
    let powers = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10]
    return powers.flatMap { [$0, 2 * $0, 5 * $0] }.compactMap { level in
      let rows = (0...400).map { index in
        let d = x.range.lowerBound + (0.9999 - x.range.lowerBound) * Double(index) / 400
        return [d, level / (1 - d)]
      }.filter { y.range.contains($0[1]) }
      return rows.count > 1 ? (level, rows) : nil
    }
  }
}
