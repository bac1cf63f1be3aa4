internal import Compute

/// The figures of zero-sum learning, after those of the paper.
struct ZeroSumFigures {
  let runs: [ReportedRun]
  let results: ZeroSumResults
  let published: PublishedPoints
  let width: Int

  /// Where the runs decelerate.
  var marks: [(step: Double, colour: Colour)] {
    runs.filter(\.decelerates).map { ($0.fit.curve.breakStep, $0.colour) }
  }
  static let dotted = " Dotted: the deceleration step of each run."

  // MARK: Losses

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

  /// D, M and |dL| of single updates.
  var steps: Figure {
    func traces(_ quantity: (InterferenceSpread) -> InterferenceSpread.Quantity?) -> [Trace] {
      runs.flatMap { run in
        [(false, \StepResult.train), (true, \StepResult.evaluation)].map { isEvaluation, part in
          Trace(
            name: isEvaluation ? "on the evaluation stream" : "\(run.label), on its batch",
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
        "The same for one update from each checkpoint: means over batches, on the batch itself (solid) and on the evaluation "
        + "stream (dashed). Bars: one standard deviation on each side." + Self.dotted,
      findings: range("D on the batch", { results.steps(of: $0).compactMap { $0.train.destructive?.mean } }),
      columns: 3, width: width)
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

  // MARK: Decomposition

  /// log |dL| = log M + log(1 - D), a panel each run.
  var decomposition: Figure {
    let split = runs.compactMap { run in results.decomposition(of: run).map { (run, $0) } }
    let panels = split.map { run, decomposition in
      let pairs = decomposition.pairs.compactMap { pair in
        pair.factors.map { (Double(pair.from), $0) }
      }
      func trace(_ name: String, _ colour: Colour, _ value: (RateDecomposition.Factors) -> Double) -> Trace {
        Trace(name: name, colour: colour, points: pairs.map { Trace.Point(step: $0.0, value: value($0.1)) })
      }
      return TracePanel(
        heading: run.label, subheading: Self.shares(decomposition), label: "natural logarithm",
        traces: [
          trace("log |ΔL|", Theme.ink, \.rate), trace("log M", Theme.run(0), \.magnitude),
          trace("log(1 − D)", Theme.run(1), \.constructive),
        ], marks: run.decelerates ? [(run.fit.curve.breakStep, Theme.muted)] : [])
    }
    return .traces(
      panels, title: "What the deceleration is made of",
      caption:
        "The logarithm of the improvement from t to 2t is the sum of those of M and of 1 − D. The shares compare means over "
        + "the pairs nearest to the deceleration step (dotted) on each side of it; in brackets, the 95 % interval over "
        + "sequences.",
      findings: split.map { "\($0.0.label): \(Self.shares($0.1) ?? "no split")." }.joined(separator: " "),
      columns: 3, width: width)
  }

  private static func shares(_ decomposition: RateDecomposition) -> String? {
    guard let split = decomposition.split else { return nil }
    guard let shares = split.change.shares else { return "the improvement does not shrink" }
    let range =
      split.destructiveShareInterval.map { " [\(percent($0.lower)), \(percent($0.upper))]" } ?? ""
    return "D: \(percent(shares.constructive)) %\(range), M: \(percent(shares.magnitude)) %"
  }

  private static func percent(_ share: Double) -> String { Format.fixed(100 * share, 0) }

  // MARK: Dissent

  /// Dissent, the norms of attraction and repulsion, and what is left of them, against the step.
  var dissent: Figure {
    func traces(_ point: (DissentResult) -> Trace.Point?) -> [Trace] {
      runs.map {
        Trace(name: $0.label, colour: $0.colour, points: results.dissent(of: $0).compactMap(point))
      }
    }
    let panels = [
      TracePanel(
        label: "dissent", traces: traces { Trace.Point($0.step, $0.dissent, $0.dissentInterval) },
        marks: marks),
      TracePanel(
        label: "mean ‖{/:Italic a}‖ and ‖{/:Italic r}‖",
        traces: traces { Trace.Point($0.step, $0.attraction, nil) }
          + runs.map { run in
            Trace(
              name: "repulsion", colour: run.colour,
              points: results.dissent(of: run).compactMap { Trace.Point($0.step, $0.repulsion, nil) },
              isDashed: true)
          }, marks: marks),
      TracePanel(
        label: "‖{/:Italic a} + {/:Italic r}‖ / (‖{/:Italic a}‖ + ‖{/:Italic r}‖)",
        traces: traces {
          let norms = $0.attraction + $0.repulsion
          return Trace.Point($0.step, norms > 0 ? $0.gradient / norms : nil, nil)
        }, marks: marks),
    ]
    return .traces(
      panels, title: "Gradient dissent over training",
      caption:
        "At the final hidden state a token's gradient is attraction a to its target and repulsion r from all other tokens; "
        + "dissent is −cos(a, r), total at 1. Left: mean over tokens, with 95 % intervals over sequences. "
        + "Middle: the mean lengths of both, that of r dashed. Right: how much of them is left where they add up."
        + Self.dotted,
      findings: range("dissent", { results.dissent(of: $0).map(\.dissent) }), columns: 3, width: width)
  }

  /// `47k: D from 0.1 to 0.6.`
  func range(_ name: String, _ values: (ReportedRun) -> [Double]) -> String {
    runs.compactMap { run in
      let values = values(run)
      guard let first = values.first, let last = values.last else { return nil }
      return "\(run.label): \(name) from \(Format.significant(first, 2)) to \(Format.significant(last, 2))."
    }.joined(separator: " ")
  }
}

extension Trace.Point {
  /// Nil where there is no value.
  init?(_ step: Int, _ value: Double?, _ interval: BootstrapIntervals.Interval?) {
    guard let value else { return nil }
    self.init(step: Double(step), value: value, interval: interval.map { $0.lower...$0.upper })
  }

  init(_ step: Int, _ quantity: InterferenceSpread.Quantity) {
    let (mean, deviation) = (quantity.mean, quantity.deviation)
    self.init(step: Double(step), value: mean, interval: mean - deviation...mean + deviation)
  }
}
