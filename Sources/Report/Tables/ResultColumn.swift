internal import Compute

/// A quantity of the table of results.
struct ResultColumn: Sendable {
  /// The name in CSV, and in the JSON of `brake fit`.
  let name: String
  let html: Markup
  let markdown: String
  let latex: String
  /// Means something only where the verdict is deceleration.
  var needsDeceleration = false
  /// Digits where no standard error says how many are worth printing.
  var digits = 5
  /// In which it is measured, for programs; nil for a pure number.
  var unit: String?
  /// Printed as its whole part.
  var isStep = false
  let value: @Sendable (OneBreakFit) -> Double
  var error: @Sendable (OneBreakFit.StandardErrors) -> Double? = { _ in nil }
  var interval: @Sendable (BootstrapIntervals) -> BootstrapIntervals.Interval? = { _ in nil }

  /// Those of the published table, in its order.
  static let all = [
    ResultColumn(
      name: "b", html: "<i>b</i>", markdown: "b", latex: "$b$", value: \.curve.b, error: \.b, interval: \.b),
    ResultColumn(
      name: "c0", html: "<i>c</i><sub>0</sub>", markdown: "c₀", latex: "$c_0$", value: \.curve.c0,
      error: \.c0,
      interval: \.c0),
    ResultColumn(
      name: "c1", html: "<i>c</i><sub>1</sub>", markdown: "c₁", latex: "$c_1$", value: \.curve.c1,
      error: \.c1,
      interval: \.c1),
    ResultColumn(
      name: "log_d1", html: "log <i>d</i><sub>1</sub>", markdown: "log d₁", latex: "$\\log d_1$",
      value: \.curve.logD1, error: \.logD1, interval: \.logD1),
    ResultColumn(
      name: "f1", html: "<i>f</i><sub>1</sub>", markdown: "f₁", latex: "$f_1$", value: \.curve.f1,
      error: \.f1,
      interval: \.f1),
    ResultColumn(
      name: "rsle", html: "RSLE", markdown: "RSLE", latex: "RSLE", digits: 3, value: \.quality.rsle),
    ResultColumn(
      name: "L_d", html: "<i>L</i><sub>d</sub>", markdown: "L_d", latex: "$L_d$", needsDeceleration: true,
      unit: "nat/token",
      value: \.curve.breakLoss, error: \.breakLoss, interval: \.breakLoss),
    ResultColumn(
      name: "t_d", html: "<i>t</i><sub>d</sub>", markdown: "t_d", latex: "$t_d$", needsDeceleration: true,
      unit: "step", isStep: true, value: \.curve.breakStep, error: \.breakStep, interval: \.breakStep),
    ResultColumn(
      name: "r_d", html: "<i>r</i><sub>d</sub>", markdown: "r_d", latex: "$r_d$", needsDeceleration: true,
      value: \.curve.finalRate, error: \.finalRate, interval: \.finalRate),
    ResultColumn(
      name: "L_T_predicted", html: "<i>L̂</i><sub>T</sub>", markdown: "L̂_T", latex: "$\\hat{L}_T$",
      unit: "nat/token",
      value: \.predictedLastLoss, interval: \.predictedLastLoss),
    ResultColumn(
      name: "L_T", html: "<i>L</i><sub>T</sub>", markdown: "L_T", latex: "$L_T$", unit: "nat/token",
      value: \.lastLoss),
  ]

  static subscript(_ name: String) -> ResultColumn? { all.first { $0.name == name } }

  func error(of run: ReportedRun) -> Double? { run.fit.standardErrors.flatMap(error) }
  func interval(of run: ReportedRun) -> BootstrapIntervals.Interval? {
    run.analysis.intervals.flatMap(interval)
  }

  /// Whether the value of this run is to be read.
  func isMeaningful(for run: ReportedRun) -> Bool { !needsDeceleration || run.decelerates }

  /// The value, to two significant digits of its standard error.
  func text(for run: ReportedRun) -> String {
    let value = value(run.fit)
    if isStep { return Format.whole(value) }
    guard let decimals = Format.decimals(error: error(of: run)) else {
      return Format.significant(value, digits)
    }
    return Format.fixed(value, decimals)
  }

  /// The standard error to the digits of the value.
  func errorText(for run: ReportedRun) -> String? {
    guard let error = error(of: run), let decimals = Format.decimals(error: error) else { return nil }
    return Format.fixed(error, isStep ? 0 : decimals)
  }

  /// The ends of the 95 % bootstrap interval.
  func intervalText(for run: ReportedRun) -> (lower: String, upper: String)? {
    guard let interval = interval(of: run) else { return nil }
    func text(_ end: Double) -> String { isStep ? Format.whole(end) : Format.significant(end, 3) }
    return (text(interval.lower), text(interval.upper))
  }
}
