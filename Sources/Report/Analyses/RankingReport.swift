internal import Actions
internal import Artefacts
internal import Compute

/// Which tokens learning rates favour where their mean losses are equal, in words that follow from tests over seeds.
enum RankingReport: ReportedAnalysis {
  typealias Result = RankingResult

  static let input = InputDeclaration(
    "rankings", .many, help: "tokens ranked by loss across learning rates: the output 'result' of zsl.ranking"
  )
  static let section = PageSection(
    id: "rates", heading: "Learning rates at equal mean loss",
    introduction: """
      <p>Trainings that differ in learning rate and seed are compared where each first has the same mean loss; between two \
      checkpoints a token's loss is taken to be linear in log <i>t</i>. What is left to differ is which tokens they predict well.</p>
      """)
  static let figures = [
    ReportedFigure(
      "ranking", help: "how alike learning rates rank tokens by loss, and which they favour",
      data: { FigureData.series(of: $0.ranking(apart: false)) }, draw: { $0.ranking(apart: true) })
  ]

  static func text(on page: Page, _ results: AnalysisResults) -> Markup {
    results[Self.self].map { RankingText(result: $0.result, digest: $0.digest).markup }.joined()
  }

  static func findings(
    _ runs: [ReportedRun], _ comparison: CurveComparison?, _ results: AnalysisResults
  ) -> [FindingsTable.Row] {
    results[Self.self].flatMap { found in
      found.result.levels.flatMap { rows(of: $0, found.result, found.digest) }
    }
  }

  private static func rows(
    of level: RankingResult.Level, _ result: RankingResult, _ digest: Digest
  ) -> [FindingsTable.Row] {
    func row(
      _ name: String, _ quantity: String, unit: String?, _ value: Double?,
      _ interval: BootstrapIntervals.Interval?, test: FindingsTable.Test? = nil
    ) -> FindingsTable.Row? {
      value.map { value in
        FindingsTable.Row(
          scope: "rates", name: name, quantity: "\(quantity) at mean loss \(Format.plain(level.loss, 4))",
          unit: unit, value: value, interval: interval.map { ("mean over seeds", $0.lower, $0.upper) },
          seeds: result.seeds, artefacts: [digest], test: test)
      }
    }
    func test(_ probability: Double?, of comparisons: Int, _ name: String) -> FindingsTable.Test? {
      // The page tests what it says of the lowest mean loss.
      guard level == result.levels.last, let probability else { return nil }
      return .init(name: name, probability: probability, comparisons: comparisons)
    }
    let testedPairs = level.pairs.count { $0.probability != nil }
    let testedBins = RankingText.bins(of: level).reduce(0) { $0 + $1.bin.rates.count }
    let pairs = level.pairs.flatMap { pair in
      let name = pair.rates.map { Format.exact($0) }.joined(separator: " and ")
      return [
        row(name, "rank_correlation_within", unit: nil, pair.within, nil),
        row(name, "rank_correlation_between", unit: nil, pair.between, nil),
        row(
          name, "rank_correlation_excess", unit: nil, pair.excess, pair.interval,
          test: test(pair.probability, of: testedPairs, "jackknife over seeds, Student's t")),
      ]
    }
    let bins = RankingText.bins(of: level).flatMap { name, bin in
      bin.rates.map { rate in
        row(
          Format.exact(rate.rate), "loss less mean over rates, \(name)", unit: "nats/token", rate.difference,
          rate.interval, test: test(rate.probability, of: testedBins, "Student's t over seeds"))
      }
    }
    return (pairs + bins).compactMap(\.self)
  }
}

extension RankingResult: ReportedResult {
  /// It is of many runs.
  var run: String { "" }
  var step: Int { 0 }
}

extension AnalysisFigures {
  /// How much less alike rates rank tokens than seeds do, and what the losses of tokens of a frequency or position differ by
  /// between rates.
  /// - Parameter apart: whether points at one place stand beside each other, so that their bars can be told apart.
  func ranking(apart: Bool) -> Figure {
    let caption =
      "Trainings with different learning rates, where their mean losses are equal. Left: Spearman's rank correlation of the "
      + "tokens' losses between seeds of one rate, less that between two rates with different seeds: above 0 rates differ in "
      + "which tokens they predict well (of more than three rates, neighbours in their order). Middle and right, at the lowest of these mean losses: the mean loss of tokens by "
      + "their frequency and by their position in the window, less its mean over rates: below 0 a rate favours them. Bars: "
      + "95 % intervals over seeds, each by itself."
    guard let result = results[RankingReport.self].first?.result, let last = result.levels.last else {
      return Figure(
        title: "Learning rates at equal mean loss", message: "There are no results to draw.", width: width)
    }
    let panels = [
      excess(result, apart: apart),
      differences("frequency of the token", last.frequencies, apart: apart),
      differences("position in the window", last.positions, apart: apart),
    ]
    return Figure(
      title: "Learning rates at equal mean loss", caption: caption, findings: "", panels: panels, columns: 3,
      width: width, aspect: 0.95, legend: .above)
  }

  private func panel(
    _ traces: [Trace], x label: String, logarithmic: Bool, y yLabel: String, apart: Bool
  ) -> Panel {
    let x = Axis(
      label, logarithmic: logarithmic, holding: traces.flatMap { $0.points.map(\.step) }, air: 0.1)
    let y = Axis(
      yLabel, logarithmic: false, holding: traces.flatMap { $0.values(logarithmic: false) } + [0])
    let ends = (x.range.lowerBound, x.range.upperBound)
    let zero = Series(.line(width: 0.75), Theme.faint, [[ends.0, 0], [ends.1, 0]])
    func beside(_ step: Double, _ index: Int) -> Double {
      let shift = apart ? 0.014 * (Double(index) - Double(traces.count - 1) / 2) : 0
      if shift == 0 { return step }
      return logarithmic ? step * Elementary.pow(ends.1 / ends.0, shift) : step + shift * (ends.1 - ends.0)
    }
    let placed = traces.enumerated().map { index, trace in
      Trace(
        name: trace.name, legendName: trace.legendName, colour: trace.colour,
        points: trace.points.map {
          Trace.Point(step: beside($0.step, index), value: $0.value, interval: $0.interval)
        })
    }
    return Panel(x: x, y: y, series: [zero] + placed.flatMap { $0.series(on: y) })
  }

  private func excess(_ result: RankingResult, apart: Bool) -> Panel {
    let all = result.levels.first?.pairs ?? []
    let neighbours = zip(result.rates, result.rates.dropFirst()).map { [$0, $1] }
    let shown = result.rates.count > 3 ? all.filter { neighbours.contains($0.rates) } : all
    let traces = shown.enumerated().map { index, pair in
      Trace(
        name: pair.rates.map { Format.short($0) }.joined(separator: " and "),
        colour: Theme.run(result.rates.count + index),
        points: result.levels.compactMap { level in
          guard let same = level.pairs.first(where: { $0.rates == pair.rates }), let excess = same.excess
          else { return nil }
          return Trace.Point(
            step: level.loss, value: excess, interval: same.interval.map { $0.lower...$0.upper })
        })
    }
    return panel(
      traces, x: "mean loss (nats/token)", logarithmic: false, y: "rank correlation, seeds − rates",
      apart: apart)
  }

  private func differences(_ label: String, _ bins: [RankingResult.Bin], apart: Bool) -> Panel {
    let rates = bins.first?.rates.map(\.rate) ?? []
    let traces = rates.enumerated().map { index, rate in
      Trace(
        name: "rate \(Format.short(rate))", colour: Theme.run(index),
        points: bins.compactMap { bin in
          bin.rates.first { $0.rate == rate }.map { found in
            Trace.Point(
              step: bin.middle, value: found.difference, interval: found.interval.map { $0.lower...$0.upper })
          }
        })
    }
    return panel(traces, x: label, logarithmic: true, y: "loss − mean over rates (nats)", apart: apart)
  }
}

extension RankingResult.Bin {
  /// On a logarithmic axis; of the bin that has no lower end, one decade below its upper.
  fileprivate var middle: Double {
    lower > 0 ? (lower * upper).squareRoot() : upper / 10.0.squareRoot()
  }
}
