internal import Compute

/// The figures of loss curves.
extension Figure {
  /// Loss and fit on logarithmic axes, a panel each run: smoothed points, the one-break fit, and, where the verdict is
  /// deceleration, both asymptotes and the point where they meet.
  static func fits(of runs: [ReportedRun], title: String?, width: Int, columns: Int) -> Figure {
    let x = stepAxis(runs)
    let y = lossAxis(runs)
    let panels = runs.map { run in
      Panel(
        heading: run.label, headingColour: run.colour, subheading: run.findings, x: x, y: y,
        series: run.points(radius: 1.8, names: ("not fitted", loss(of: [run])))
          + run.lines(x.range, floor: y.range.lowerBound))
    }
    return Figure(
      title: title ?? "Loss and one-break fit",
      caption:
        "Training loss against step, both on logarithmic axes. Points: the \(loss(of: runs)), grey where it is not "
        + "fitted. Solid: the one-break fit."
        + (runs.contains { $0.decelerates || $0.analysis.verdict == .saturating }
          ? " Dashed: its asymptotes." : "")
        + (runs.contains(where: \.decelerates) ? " Ring: the deceleration point, where they meet." : "")
        + (runs.contains { $0.slopeChanges != nil }
          ? " Dotted, from the curve down: the breaks of the law with two, with 95 % intervals where they are known."
          : "")
        + (runs.contains { $0.analysis.verdict == .noBreak } ? " Dotted, all along: a plain power law." : "")
        + (BreakMark.legend(runs).map { " \($0)." } ?? ""),
      findings: sentences(runs), panels: panels, columns: min(columns, runs.count), width: width, aspect: 0.8,
      legend: .above)
  }

  /// All runs in one panel.
  static func overview(of runs: [ReportedRun], title: String?, width: Int) -> Figure {
    let few = Set(runs.map(\.group)).count <= 10
    var series = runs.flatMap { $0.points(radius: 2, names: ("not fitted", nil)) }
    // A few of them as shapes, by which runs are told apart in print.
    series += runs.map { run in
      let rows = run.fitted.map { [Double($0.step), $0.loss] }
      return Series(.marker, run.colour, thinned(rows, most: 6), name: run.label, legendName: run.groupLabel)
    }
    series += runs.map { Series(.line(width: 0.8), Theme.ink, $0.fitRows, name: "one-break fit") }
    series += runs.filter(\.decelerates).map {
      Series(
        .ring, $0.colour, [$0.breakRow],
        name: $0.moves ? "deceleration point that moves with the cut" : "deceleration point")
    }
    let notes = runs.filter { !$0.breakNote.isEmpty }.map { " That of \($0.label) \($0.breakNote)." }
    return Figure(
      title: title ?? "Loss of all runs",
      caption:
        runs.contains(where: \.decelerates)
        ? "Of each training the \(loss(of: runs)), the one-break fit (thin lines) and the deceleration point (rings), which "
          + "lies below the curve: there the asymptotes meet." + notes.joined()
        : "Of each training the \(loss(of: runs)) and the one-break fit (thin lines).",
      findings: sentences(runs),
      panels: [Panel(x: stepAxis(runs), y: lossAxis(runs), series: series)], columns: 1,
      width: few ? width : max(width - 170, width / 2), aspect: 0.6, legend: few ? .topRight : .beside)
  }

  /// What the points are, as legends and captions say.
  private static func loss(of runs: [ReportedRun]) -> String {
    let rough = runs.filter { !$0.isSmoothed }
    if rough.isEmpty { return "smoothed loss" }
    return rough.count == runs.count
      ? "loss" : "loss (smoothed, but for \(rough.map(\.label).joined(separator: ", ")))"
  }

  /// What the one-break fit leaves, a panel each run.
  static func residuals(of runs: [ReportedRun], title: String?, width: Int, columns: Int) -> Figure {
    let x = Axis(
      "step", logarithmic: true, holding: runs.flatMap { $0.fitted.map { Double($0.step) } }, air: 0.02)
    let most = runs.flatMap { $0.fitted.map { abs($0.residual) } }.max() ?? 1
    let y = Axis("residual of log loss", logarithmic: false, holding: [-most, most])
    let panels = runs.map { run in
      let (low, high) = (x.range.lowerBound, x.range.upperBound)
      let rsle = run.fit.quality.rsle
      var series = [
        Series(.line(width: 0.75), Theme.muted, [[low, 0], [high, 0]]),
        Series(
          .dotted(width: 1), Theme.muted, [[low, rsle], [high, rsle], [], [low, -rsle], [high, -rsle]],
          name: "± RSLE"),
        Series(
          .points(radius: 1.3), run.colour, thinned(run.fitted.map { [Double($0.step), $0.residual] }),
          name: "residual"),
      ]
      if run.decelerates {
        let step = run.fit.curve.breakStep
        series.insert(
          Series(
            .dashed(width: 1), Theme.muted, [[step, y.range.lowerBound], [step, y.range.upperBound]],
            name: "deceleration step"),
          at: 2)
      }
      return Panel(
        heading: run.label, headingColour: run.colour,
        subheading: "RSLE \(Format.significant(rsle, 3)), \(run.fit.quality.points) points", x: x, y: y,
        series: series)
    }
    return Figure(
      title: title ?? "Residuals of the one-break fit",
      caption:
        "Logarithm of the \(loss(of: runs)) less that of the fit, against step. Dotted: plus and minus their root mean "
        + "square (RSLE)." + (runs.contains(where: \.decelerates) ? " Dashed: the deceleration step." : ""),
      findings: runs.map { "\($0.label): RSLE \(Format.significant($0.fit.quality.rsle, 3))." }
        .joined(separator: " "),
      panels: panels, columns: min(columns, runs.count), width: width, aspect: 0.62, legend: .above)
  }

  init(
    title: String, caption: String, findings: String, panels: [Panel], columns: Int, width: Int,
    aspect: Double, legend: Legend
  ) {
    let each = width / max(1, columns)
    self.init(
      title: title, caption: caption, findings: findings, panels: panels, columns: max(1, columns),
      panelSize: (each, Int(Double(each) * aspect)), legend: legend)
  }

  private static func stepAxis(_ runs: [ReportedRun]) -> Axis {
    Axis(
      "step", logarithmic: true, holding: runs.flatMap { $0.analysis.curve.steps.map(Double.init) }, air: 0.02
    )
  }

  private static func lossAxis(_ runs: [ReportedRun]) -> Axis {
    let losses = runs.flatMap { $0.analysis.curve.losses }
    let breaks =
      runs.filter(\.decelerates).map(\.fit.curve.breakLoss)
      + runs.filter(\.moves).flatMap { $0.analysis.sensitivity.map(\.curve.breakLoss) }
    return Axis("loss (nats/token)", logarithmic: true, holding: losses + breaks, air: 0.04)
  }

  private static func sentences(_ runs: [ReportedRun]) -> String {
    runs.map { run in
      run.decelerates
        ? "\(run.label) decelerates at step \(Format.whole(run.fit.curve.breakStep)), at a loss of "
          + "\(Format.significant(run.fit.curve.breakLoss, 4))"
          + (run.breakNote.isEmpty ? "." : "; that step \(run.breakNote).")
        : "\(run.label): \(run.analysis.verdict.words)."
    }.joined(separator: " ")
  }

  /// At most about two thousand points, evenly over the logarithm of the first value; the last is kept. A figure shows no
  /// more, and its data has them all.
  static func thinned(_ rows: [[Double]], most: Int = 2000) -> [[Double]] {
    guard rows.count > most, let low = rows.first?.first, let high = rows.last?.first, low > 0, high > low
    else {
      return rows
    }
    let places = Double(most) / Elementary.log(high / low)
    var kept: [[Double]] = []
    var next = 0
    for (index, row) in rows.enumerated() {
      let place = Int(Elementary.log(row[0] / low) * places)
      if place >= next || index == rows.count - 1 {
        kept.append(row)
        next = place + 1
      }
    }
    return kept
  }
}
