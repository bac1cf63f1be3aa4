extension PointNoise {
  /// The noise that a curve's fitted points have.
  ///
  /// - Parameters:
  ///   - smoothed: of the steps behind the points, if these were smoothed by others.
  ///   - law: the one-break fit.
  ///   - cut: steps up to this one are not fitted.
  static func of(
    _ curve: PreparedCurve, points: FittedPoints, smoothed: StepNoise?,
    law: BrokenPowerLawSolver.Solution, cut: Int
  ) -> (noise: PointNoise, source: BootstrapIntervals.Source) {
    if let origin = curve.origin {
      let windows = points.places.map { index in
        let place = origin.places[index]
        return curve.smoothing.map { Int(Double(place) / $0)...place } ?? place...place
      }
      let known = origin.windows.filter { $0.firstStep > cut }
      return (PointNoise(windows, origin.noise, points, known, law), .steps)
    }
    let steps = points.steps
    if let noise = smoothed {
      let known = [LossWindow](smoothed: steps, logLosses: points.y, noise: noise)
      return (PointNoise(steps.map(LossWindow.smoothed), noise, points, known, law), .differences)
    }
    let residuals = zip(points.x, points.y).map { $1 - law.oneBreak.logLoss(atLog: $0) }
    let noise = StepNoise(residuals: residuals, parameters: 5)
    return (PointNoise(steps.indices.map { $0...$0 }, noise, points, [], law), .residuals)
  }

  /// - Parameter known: windows that do not overlap, with their noise: what the law leaves of them besides is a discrepancy, if it
  ///   is significant.
  private init(
    _ windows: [ClosedRange<Int>], _ noise: StepNoise, _ points: FittedPoints, _ known: [LossWindow],
    _ law: BrokenPowerLawSolver.Solution
  ) {
    let (x, y) = (known.map(\.logStep), known.map(\.logLoss))
    let n = known.count
    var matrix = known.covariance(persistence: noise.persistence)
    for i in 0..<n { matrix[i * n + i] += WindowNoise.floor }
    let rival = BrokenPowerLaw(breaks: 1)
    var common: WindowNoise?
    if n > 2 * rival.parameters, let whitening = Whitening(covariance: matrix, count: n) {
      let solver = RivalSolver(x: x, y: y, whitening: whitening)
      if let found = solver.fit(rival, hint: [law.breaks[0].position, law.breaks[0].logWidth]),
        let fitted = solver.curve(rival, found.searched)
      {
        common = WindowNoise(
          steps: matrix, x: x, residuals: fitted.residuals, directions: solver.tangent(fitted))
      }
    }
    self.init(
      windows: windows, noise: noise, x: points.x, discrepancy: common?.discrepancy ?? 0,
      range: common?.range ?? 0)
  }
}
