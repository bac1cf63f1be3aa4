internal import Compute

extension Figure {
  /// L_d, t_d and r_d of the runs that decelerate, against model size, with 95 % bootstrap intervals and the power laws
  /// of the comparison. Where no sizes are given, or nothing decelerates, a message says so.
  static func scaling(
    of comparison: CurveComparison, runs: [ReportedRun], title: String?, width: Int
  ) -> Figure {
    let title = title ?? "Deceleration against model size"
    let sized = comparison.rows.filter { $0.size != nil }
    let rows = sized.filter { $0.verdict == .deceleration }
    guard !rows.isEmpty else {
      return Figure(
        title: title,
        message: sized.isEmpty
          ? "No model sizes are given, so there is nothing to draw against size."
          : "No run with a given size decelerates, so there is nothing to draw against size.", width: width)
    }
    let panels = [
      Quantity.breakLoss.panel(rows, runs, comparison), Quantity.breakStep.panel(rows, runs, comparison),
      Quantity.finalRate.panel(rows, runs, comparison),
    ]
    let left = comparison.rows.count - rows.count
    let notes = runs.filter { run in !run.breakNote.isEmpty && rows.contains { $0.run == run.name } }
      .map { " t_d of \($0.label) \($0.breakNote)." }
    return Figure(
      title: title,
      caption:
        "Loss and step of the deceleration, and exponent behind it, against the number of parameters. Bars: 95 % "
        + "bootstrap intervals, of one training each; seeds of one size stand side by side."
        + (comparison.scalings.isEmpty
          ? " Fewer than \(CurveComparison.Scaling.fewestSizes) sizes: no law is fitted."
          : " Dashed: power laws by least squares over sizes, of the means over the runs that decelerate.")
        + (left == 0 ? "" : " Left out, for want of a size or of deceleration: \(left).") + notes.joined(),
      findings: rows.map { row in
        "\(runs.label(of: row.run)), \(Format.significant(row.size ?? 0, 3)) parameters: L_d "
          + "\(Format.significant(row.breakLoss, 4)), t_d \(Format.whole(row.breakStep)), r_d "
          + "\(Format.significant(row.finalRate, 3))."
      }.joined(separator: " "),
      panels: panels, columns: 3, width: width, aspect: 1.02, legend: .above)
  }

  init(title: String, message: String, width: Int) {
    self.init(
      title: title, caption: message, panels: [], columns: 1, panelSize: (width, 64), message: message)
  }

  private struct Quantity {
    let name: CurveComparison.Scaling.Quantity
    let label: String
    let value: @Sendable (CurveComparison.Row) -> (Double, BootstrapIntervals.Interval?)

    static let breakLoss = Quantity(name: .breakLoss, label: "{/:Italic L}_d (nats/token)") {
      ($0.breakLoss, $0.breakLossInterval)
    }
    static let breakStep = Quantity(name: .breakStep, label: "{/:Italic t}_d (steps)") {
      ($0.breakStep, $0.breakStepInterval)
    }
    static let finalRate = Quantity(name: .finalRate, label: "{/:Italic r}_d") {
      ($0.finalRate, $0.finalRateInterval)
    }

    func panel(_ rows: [CurveComparison.Row], _ runs: [ReportedRun], _ comparison: CurveComparison) -> Panel {
      let sizes = rows.compactMap(\.size)
      let ends = rows.flatMap { row in
        let (value, interval) = value(row)
        return [value] + (interval.map { [$0.lower, $0.upper] } ?? [])
      }
      let x = Axis("parameters", logarithmic: true, holding: sizes, air: 0.1)
      let isLogarithmic = ends.allSatisfy { $0 > 0 }
      let y = Axis(label, logarithmic: isLogarithmic, holding: ends, air: 0.08)

      var series: [Series] = []
      let scaling = comparison.scalings.first { $0.quantity == name }
      if let scaling, let low = sizes.min(), let high = sizes.max() {
        // A straight line on two logarithmic axes, and else a curve.
        let places =
          isLogarithmic ? [low, high] : (0...60).map { low * Elementary.pow(high / low, Double($0) / 60) }
        series.append(
          Series(
            .dashed(width: 1), Theme.muted,
            places.map { [$0, Elementary.exp(scaling.intercept + scaling.slope * Elementary.log($0))] },
            name: "power law"))
      }
      for row in rows {
        guard let size = row.size else { continue }
        let (value, interval) = value(row)
        let colour = runs.first { $0.name == row.run }?.colour ?? Theme.ink
        // Seeds of one size stand side by side.
        let alike = rows.filter { $0.size == size }
        let place = Double(alike.firstIndex { $0.run == row.run } ?? 0) - Double(alike.count - 1) / 2
        let at = size * Elementary.exp(place * 0.03 * Elementary.log(x.range.upperBound / x.range.lowerBound))
        if let interval { series.append(Series(.bars, colour, [[at, interval.lower, interval.upper]])) }
        series.append(
          Series(
            .marker, colour, [[at, value]], name: runs.label(of: row.run),
            legendName: runs.first { $0.name == row.run }?.groupLabel))
      }
      return Panel(
        subheading: scaling.map { "exponent \(Format.value($0.slope, error: $0.standardError))" }, x: x, y: y,
        series: series)
    }
  }
}

extension Sequence<ReportedRun> {
  func label(of run: String) -> String { first { $0.name == run }?.label ?? run }
}
