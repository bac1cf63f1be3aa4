internal import Compute

/// The numbers behind a figure, as CSV: what was measured at full precision, what is computed for the figure to twelve
/// digits.
enum FigureData {
  /// A row each point of each run.
  static func points(of runs: [ReportedRun]) -> [UInt8] {
    var csv = CSV([
      "run", "step", "loss", "fitted", "fit_loss", "residual", "early_asymptote", "late_asymptote",
    ])
    for run in runs {
      let curve = run.fit.curve
      for point in run.points {
        let step = Double(point.step)
        csv.add(
          [run.name, String(point.step), Format.exact(point.loss), point.isFitted ? "1" : "0"]
            + [
              curve.loss(at: step), point.residual, curve.earlyAsymptote(at: step),
              curve.lateAsymptote(at: step),
            ]
            .map { Format.plain($0, 12) })
      }
    }
    return csv.bytes
  }

  /// A row each run.
  static func scaling(of comparison: CurveComparison, runs: [ReportedRun]) -> [UInt8] {
    var csv = CSV([
      "run", "size", "verdict", "L_d", "L_d_lower_95", "L_d_upper_95", "t_d", "t_d_lower_95", "t_d_upper_95",
      "r_d",
      "r_d_lower_95", "r_d_upper_95", "t_d_moves_with_cut", "breaks", "breaks_lower_95", "breaks_upper_95",
    ])
    for row in comparison.rows {
      let run = runs.first { $0.name == row.run }
      let numbers = [
        row.breakLoss, row.breakLossInterval?.lower, row.breakLossInterval?.upper, row.breakStep,
        row.breakStepInterval?.lower, row.breakStepInterval?.upper, row.finalRate,
        row.finalRateInterval?.lower,
        row.finalRateInterval?.upper,
      ]
      csv.add(
        [row.run, row.size.map(Format.exact) ?? "", row.verdict.rawValue]
          + numbers.map { $0.map(Format.exact) ?? "" }
          + [
            run?.movesIfKnown.map { $0 ? "1" : "0" } ?? "", list(run?.brokenLaw?.breaks),
            list(run?.brokenLaw?.intervals?.breaks.map(\.lower)),
            list(run?.brokenLaw?.intervals?.breaks.map(\.upper)),
          ])
    }
    return csv.bytes
  }

  private static func list(_ values: [Double]?) -> String {
    (values ?? []).map(Format.exact).joined(separator: " ")
  }

  /// A row each point of each named series. Panels go by their headings, or by numbers.
  static func series(of figure: Figure) -> [UInt8] {
    var csv = CSV(["panel", "quantity", "series", "x", "y", "lower", "upper"])
    for (number, panel) in figure.panels.enumerated() {
      let quantity = panel.y.label.replacing("{/:Italic ", with: "").replacing("}", with: "")
      for series in panel.series {
        guard let name = series.name else { continue }
        for (index, row) in series.rows.enumerated() where row.count == 2 {
          let interval = series.intervals.isEmpty ? nil : series.intervals[index]
          let ends = interval.map { [Format.plain($0.lower, 12), Format.plain($0.upper, 12)] } ?? ["", ""]
          csv.add(
            [panel.heading ?? "\(number + 1)", quantity, name] + row.map { Format.plain($0, 12) } + ends)
        }
      }
    }
    return csv.bytes
  }
}
