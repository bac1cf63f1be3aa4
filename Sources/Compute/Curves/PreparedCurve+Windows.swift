extension PreparedCurve {
  /// Windows for judging laws: of the points that the curve was made from, or else of its own.
  ///
  /// - Parameter noise: of the steps behind its points, if these were smoothed by others.
  func windows(smoothedNoise noise: StepNoise?) -> [LossWindow] {
    if let origin { return origin.windows }
    let used = steps.indices.filter { steps[$0] > 0 && losses[$0] > 0 && losses[$0].isFinite }
    let kept = used.map { steps[$0] }
    let logLosses = used.map { Elementary.log(losses[$0]) }
    return noise.map { [LossWindow](smoothed: kept, logLosses: logLosses, noise: $0) }
      ?? [LossWindow](steps: kept, logLosses: logLosses) { _ in 0 }
  }

  /// The noise of the steps behind its points; nil where the curve knows these, or the points are single losses.
  func smoothedNoise(_ points: FittedPoints) throws -> StepNoise? {
    guard origin == nil, PreparedCurve.areSmoothed(points.steps, points.y) else { return nil }
    return try StepNoise(smoothed: points.steps, logLosses: points.y)
  }

  /// Whether points look like moving averages over the windows of the published smoothing, not like single losses.
  ///
  /// Each point is compared with the line between its neighbours, and between the next points that share no window with it.
  /// Independent points stray equally far from both, in mean square; averages over a window that is h wide in log t stray from
  /// neighbours at a distance of delta by delta / 1.5 h of that. Whichever is nearer, over octaves of t, is taken.
  ///
  /// Where there is next to no noise, points stray by the bend of their course alone, as smoothed ones do, and nothing tells. They are
  /// taken for what only formats of smoothed curves bring here: smoothed.
  static func areSmoothed(_ steps: [Int], _ logLosses: [Double]) -> Bool {
    let x = steps.map { Elementary.log(Double($0)) }
    let width = Elementary.log(LossWindow.ratio)
    func square(_ a: Int, _ i: Int, _ b: Int) -> Double? {
      guard x[b] > x[a] else { return nil }
      let line = logLosses[a] + (logLosses[b] - logLosses[a]) * (x[i] - x[a]) / (x[b] - x[a])
      return (logLosses[i] - line) * (logLosses[i] - line)
    }
    var octaves: [Int: (near: Double, far: Double, smooth: Double, count: Double)] = [:]
    var (before, behind) = (0, 0)
    for i in x.indices.dropFirst().dropLast() {
      while before + 1 < i, x[i] - x[before + 1] >= width { before += 1 }
      while behind < x.count, x[behind] - x[i] < width { behind += 1 }
      guard behind < x.count, x[i] - x[before] >= width, let near = square(i - 1, i, i + 1),
        let far = square(before, i, behind)
      else { continue }
      let smooth = min((x[i + 1] - x[i - 1]) / 2 / (1.5 * width), 1)
      let octave = Int(x[i] / Elementary.log(2))
      let sum = octaves[octave] ?? (0, 0, 0, 0)
      octaves[octave] = (sum.near + near, sum.far + far, sum.smooth + smooth, sum.count + 1)
    }
    var (observed, expected) = (0.0, 0.0)
    for octave in octaves.keys.sorted() {
      guard let sum = octaves[octave], sum.near > 0, sum.far > 0 else { continue }
      observed += Elementary.log(sum.near / sum.far)
      expected += Elementary.log(sum.smooth / sum.count)
    }
    return observed < expected / 2
  }
}
