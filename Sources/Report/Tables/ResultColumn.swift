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
  /// Digits where no interval says how many are worth printing.
  var digits = 5
  /// In which it is measured, for programs; nil for a pure number.
  var unit: String?
  /// Printed as its whole part.
  var isStep = false
  let value: @Sendable (OneBreakFit) -> Double
  var interval: @Sendable (BootstrapIntervals) -> BootstrapIntervals.Interval? = { _ in nil }

  /// Those of the published table, in its order.
  static let all = [
    ResultColumn(
      name: "b", html: "<i>b</i>", markdown: "b", latex: "$b$", value: \.curve.b, interval: \.b),
    ResultColumn(
      name: "c0", html: "<i>c</i><sub>0</sub>", markdown: "c₀", latex: "$c_0$", value: \.curve.c0,
      interval: \.c0),
    ResultColumn(
      name: "c1", html: "<i>c</i><sub>1</sub>", markdown: "c₁", latex: "$c_1$", value: \.curve.c1,
      interval: \.c1),
    ResultColumn(
      name: "log_d1", html: "log <i>d</i><sub>1</sub>", markdown: "log d₁", latex: "$\\log d_1$",
      value: \.curve.logD1, interval: \.logD1),
    ResultColumn(
      name: "f1", html: "<i>f</i><sub>1</sub>", markdown: "f₁", latex: "$f_1$", value: \.curve.f1,
      interval: \.f1),
    ResultColumn(
      name: "rsle", html: "RSLE", markdown: "RSLE", latex: "RSLE", digits: 3, value: \.quality.rsle),
    ResultColumn(
      name: "L_d", html: "<i>L</i><sub>d</sub>", markdown: "L_d", latex: "$L_d$", needsDeceleration: true,
      unit: "nats/token",
      value: \.curve.breakLoss, interval: \.breakLoss),
    ResultColumn(
      name: "t_d", html: "<i>t</i><sub>d</sub>", markdown: "t_d", latex: "$t_d$", needsDeceleration: true,
      unit: "step", isStep: true, value: \.curve.breakStep, interval: \.breakStep),
    ResultColumn(
      name: "r_d", html: "<i>r</i><sub>d</sub>", markdown: "r_d", latex: "$r_d$", needsDeceleration: true,
      value: \.curve.finalRate, interval: \.finalRate),
    ResultColumn(
      name: "L_T_predicted", html: "<i>L̂</i><sub>T</sub>", markdown: "L̂_T", latex: "$\\hat{L}_T$",
      unit: "nats/token",
      value: \.predictedLastLoss, interval: \.predictedLastLoss),
    ResultColumn(
      name: "L_T", html: "<i>L</i><sub>T</sub>", markdown: "L_T", latex: "$L_T$", unit: "nats/token",
      value: \.lastLoss),
  ]

  static subscript(_ name: String) -> ResultColumn? { all.first { $0.name == name } }

  func interval(of run: ReportedRun) -> BootstrapIntervals.Interval? {
    run.analysis.intervals.flatMap(interval)
  }

  /// Whether the value of this run is to be read.
  func isMeaningful(for run: ReportedRun) -> Bool { !needsDeceleration || run.decelerates }

  /// What stands beside its value in tables for readers.
  func marks(of run: ReportedRun) -> [BreakMark] { name == "t_d" ? run.marks : [] }

  /// Decimals that two significant digits of half the interval leave.
  private func decimals(for run: ReportedRun) -> Int? {
    Format.decimals(error: interval(of: run).map { ($0.upper - $0.lower) / 2 })
  }

  func text(for run: ReportedRun) -> String {
    let value = value(run.fit)
    if isStep { return Format.whole(value) }
    return decimals(for: run).map { Format.fixed(value, $0) } ?? Format.significant(value, digits)
  }

  /// The ends of the 95 % interval, to the digits of the value.
  func intervalText(for run: ReportedRun) -> (lower: String, upper: String)? {
    guard let interval = interval(of: run) else { return nil }
    let decimals = decimals(for: run)
    func text(_ end: Double) -> String {
      if isStep { return Format.whole(end) }
      return decimals.map { Format.fixed(end, $0) } ?? Format.significant(end, digits)
    }
    return (text(interval.lower), text(interval.upper))
  }
}
