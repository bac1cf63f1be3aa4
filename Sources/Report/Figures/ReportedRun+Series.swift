internal import Compute

/// What is drawn of a run.
extension ReportedRun {
  struct Point: Sendable {
    let step: Int
    let loss: Double
    let isFitted: Bool
    /// log L - log \hat L, in nats.
    let residual: Double
  }

  /// The points of the prepared curve at positive steps: a logarithmic axis has no others.
  var points: [Point] {
    let curve = analysis.curve
    return curve.steps.indices.filter { curve.steps[$0] > 0 }.map { index in
      let step = curve.steps[index]
      return Point(
        step: step, loss: curve.losses[index], isFitted: step > analysis.options.skip,
        residual: fit.curve.residual(of: curve.losses[index], at: Double(step)))
    }
  }

  var fitted: [Point] { points.filter(\.isFitted) }

  /// - Parameter names: in the legend, of the points that are left out of the fit and of the others.
  func points(radius: Double, names: (String?, String?), legendName: String? = nil) -> [Series] {
    func rows(_ isFitted: Bool) -> [[Double]] {
      Figure.thinned(points.filter { $0.isFitted == isFitted }.map { [Double($0.step), $0.loss] })
    }
    let skipped = rows(false)
    return
      (skipped.isEmpty ? [] : [Series(.points(radius: radius * 0.7), Theme.faint, skipped, name: names.0)])
      + [Series(.points(radius: radius), colour, rows(true), name: names.1, legendName: legendName)]
  }

  /// The fit over the fitted steps.
  var fitRows: [[Double]] {
    steps(from: Double(fit.firstStep), to: Double(fit.lastStep)).map { [$0, fit.curve.loss(at: $0)] }
  }

  var breakRow: [Double] { [fit.curve.breakStep, fit.curve.breakLoss] }

  /// The fit, and with it what the verdict gives a meaning to.
  /// - Parameters:
  ///   - range: of the steps that the panel holds.
  ///   - floor: the least loss that it holds.
  func lines(_ range: ClosedRange<Double>, floor: Double) -> [Series] {
    let curve = fit.curve
    let line = Series(.line(width: 1), Theme.ink, fitRows, name: "one-break fit")
    switch analysis.verdict {
    case .deceleration, .saturating:
      let early = [Double(fit.firstStep) * 0.4, curve.breakStep * 5]
      let late = [curve.breakStep / 5, range.upperBound]
      let asymptotes = Series(
        .dashed(width: 1), Theme.muted,
        early.map { [$0, curve.earlyAsymptote(at: $0)] } + [[]]
          + late.map { [$0, curve.lateAsymptote(at: $0)] },
        name: "asymptotes")
      return [asymptotes] + changes(from: floor) + [line] + (decelerates ? ring : [])
    case .noBreak:
      let powerLaw = analysis.powerLaw
      let rows = [fit.firstStep, fit.lastStep].map {
        [Double($0), powerLaw.b * Elementary.pow(Double($0), -powerLaw.c0)]
      }
      return [line, Series(.dotted(width: 1.5), Theme.muted, rows, name: "power law")]
    case .warmupBreak, .notDecided:
      return [line]
    }
  }

  /// Where the slope changes, if that is at more than one place: from the curve down to the axis, with the interval near it.
  private func changes(from floor: Double) -> [Series] {
    guard let changes = slopeChanges else { return [] }
    let shown = changes.steps.indices.filter { Axis.holds(changes.steps[$0], logarithmic: true) }
    let rows = shown.flatMap { index in
      let step = changes.steps[index]
      return [[step, floor], [step, fit.curve.loss(at: step)], []]
    }
    let known = shown.flatMap { index -> [[Double]] in
      guard let interval = changes.intervals?.ofBreak(index), Axis.holds(interval.lower, logarithmic: true)
      else {
        return []
      }
      let height = floor * Elementary.pow(fit.curve.loss(at: changes.steps[index]) / floor, 0.06)
      return [[interval.lower, height], [interval.upper, height], []]
    }
    return [Series(.dotted(width: 1.25), colour, rows, name: "changes of slope (two breaks)")]
      + (known.isEmpty ? [] : [Series(.line(width: 3), colour, known, name: "their 95 % intervals")])
  }

  /// The point of the one-break fit, and where it is with other cuts of the transient if it moves with them.
  private var ring: [Series] {
    guard moves else { return [Series(.ring, Theme.ink, [breakRow], name: "deceleration point")] }
    let others = analysis.sensitivity.filter { $0.skip != analysis.options.skip }
      .map { [$0.curve.breakStep, $0.curve.breakLoss] }
      .filter { $0.allSatisfy { Axis.holds($0, logarithmic: true) } }
    return [
      Series(.points(radius: 2.5), Theme.ink, others, name: "the same with other cuts"),
      Series(.ring, Theme.muted, [breakRow], name: "deceleration point that moves with the cut"),
    ]
  }

  /// One line under a panel's heading, in gnuplot's enhanced text.
  var findings: String {
    let curve = fit.curve
    guard decelerates else { return analysis.verdict.words }
    let marks = marks.map(\.text).joined()
    if let steps = slopeChanges?.steps {
      let places = steps.map(Format.whole).joined(separator: " and ")
      return
        "breaks at \(places);  {/:Italic t}_d\(marks) = \(Format.whole(curve.breakStep)),  {/:Italic L}_d = "
        + Format.significant(curve.breakLoss, 4)
    }
    return "{/:Italic t}_d\(marks) = \(Format.whole(curve.breakStep)),  {/:Italic L}_d = "
      + "\(Format.significant(curve.breakLoss, 4)),  slope \(Format.significant(-curve.c0, 3)) → "
      + Format.significant(-curve.finalRate, 3)
  }

  /// A hundred and twenty steps, evenly over their logarithm.
  private func steps(from first: Double, to last: Double) -> [Double] {
    (0...120).map { first * Elementary.pow(last / first, Double($0) / 120) }
  }
}
