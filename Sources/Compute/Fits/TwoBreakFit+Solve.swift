extension TwoBreakFit {
  /// Starts from the one-break optimum with a second break, of two widths, at each of several places in the range.
  ///
  /// - Returns: nil where no start has a solution.
  init?(points: FittedPoints, first: BrokenPowerLawSolver.Break, effectivePoints: Double) throws {
    var solver = BrokenPowerLawSolver(x: points.x, y: points.y, breaks: 2)
    let (low, high) = (points.x[0], points.x[points.count - 1])
    let places = 8
    var best: BrokenPowerLawSolver.Solution?
    for place in 0..<places {
      try Task.checkCancellation()
      for width in [0.15, 0.6] {
        let position = low + (Double(place) + 0.5) / Double(places) * (high - low)
        let second = BrokenPowerLawSolver.Break(position: position, logWidth: Elementary.log(width))
        let solution = solver.solve(from: [first, second], tolerance: 1e-6, limit: 60)
        if let solution, solution.sse < best?.sse ?? .infinity { best = solution }
      }
    }
    guard let best, best.intercept.magnitude < 700 else { return nil }
    b = Elementary.exp(best.intercept)
    c0 = best.c0
    breaks = zip(best.breaks, best.changes)
      .map {
        Break(step: Elementary.exp($0.position), change: $1, width: Elementary.exp($0.logWidth))
      }
      .sorted { $0.step < $1.step }
    quality = FitQuality(
      parameters: 8, points: points.count, sse: best.sse, effectivePoints: effectivePoints)
  }
}
