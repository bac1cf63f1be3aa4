extension BrokenPowerLawSolver.Solution {
  /// A solution with one break, in the units of the published table.
  var oneBreak: OneBreak {
    OneBreak(
      b: Elementary.exp(intercept), c0: c0, c1: changes[0], logD1: breaks[0].position,
      f1: Elementary.exp(breaks[0].logWidth))
  }

  /// Some break stands at the edge of where one is looked for.
  func isAtBound(_ positions: ClosedRange<Double>) -> Bool {
    let widths = BrokenPowerLawSolver.logWidths
    return breaks.contains {
      $0.position <= positions.lowerBound || $0.position >= positions.upperBound
        || $0.logWidth <= widths.lowerBound || $0.logWidth >= widths.upperBound
    }
  }

  /// Whether two searches ended at the same place, on points whose logarithms spread over `total` (a sum of squares).
  func isSame(as other: Self, total: Double) -> Bool {
    sse - other.sse <= 1e-7 * other.sse + 1e-12 * total
      && zip(breaks, other.breaks).allSatisfy { ($0.position - $1.position).magnitude < 1e-3 }
  }
}

extension BrokenPowerLawSolver {
  /// Starts spread over the range of log t and, alternately, five widths of the break.
  func starts(_ count: Int) -> [Break] {
    let widths = [0.1, 0.2, 0.4, 0.8, 1.6].map(Elementary.log)
    let places = (count + widths.count - 1) / widths.count
    let (first, last) = (x[0], x[x.count - 1])
    return (0..<count).map { index in
      let place = (Double(index / widths.count) + 0.5) / Double(places)
      return Break(position: first + place * (last - first), logWidth: widths[index % widths.count])
    }
  }

  /// The best one-break solution over many starts, and how many of them end there.
  mutating func bestOfStarts(_ count: Int) throws -> (best: Solution, reached: Int)? {
    var found: [Solution] = []
    for start in starts(count) {
      try Task.checkCancellation()
      if let solution = solve(from: [start], tolerance: 1e-5) { found.append(solution) }
    }
    guard let rough = found.min(by: { $0.sse < $1.sse }) else { return nil }
    let best = solve(from: rough.breaks) ?? rough
    return (best, found.count { $0.isSame(as: best, total: powerLawSSE) })
  }
}

extension OneBreakFit.StandardErrors {
  /// - Returns: nil where the Jacobian has not full rank.
  init?(_ curve: OneBreak, points: FittedPoints, sse: Double) {
    let freedom = points.count - 5
    guard freedom > 0 else { return nil }
    // Columns of d log L / d(log b, c0, c1, log d1, f1). With log b in place of b, and x about its mean, the normal
    // matrix is far better conditioned.
    let meanX = Sums.mean(points.x)
    var columns = [[Double]](repeating: [], count: 5)
    for x in points.x {
      let z = (x - curve.logD1) / curve.f1
      let softplus = Elementary.softplus(z)
      let sigmoid = Elementary.exp(min(z, 0) - Elementary.softplus(-z.magnitude))
      columns[0].append(1)
      columns[1].append(-(x - meanX))
      columns[2].append(-curve.f1 * softplus)
      columns[3].append(curve.c1 * sigmoid)
      columns[4].append(-curve.c1 * (softplus - z * sigmoid))
    }
    let scales = columns.map { Sums.dot($0, $0).squareRoot() }
    guard scales.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
    let normal = columns.indices.map { i in
      columns.indices.map { j in Sums.dot(columns[i], columns[j]) / (scales[i] * scales[j]) }
    }
    guard let inverse = Cholesky(normal)?.inverse else { return nil }
    let variance = sse / Double(freedom)
    func error(_ gradient: [Double]) -> Double {
      var sum = 0.0
      for i in 0..<5 {
        for j in 0..<5 { sum += gradient[i] * gradient[j] * inverse[i][j] / (scales[i] * scales[j]) }
      }
      return (variance * max(sum, 0)).squareRoot()
    }
    // The first column stands for log b - c0 meanX, so log b = it + meanX c0.
    b = curve.b * error([1, meanX, 0, 0, 0])
    c0 = error([0, 1, 0, 0, 0])
    c1 = error([0, 0, 1, 0, 0])
    logD1 = error([0, 0, 0, 1, 0])
    f1 = error([0, 0, 0, 0, 1])
    breakStep = curve.breakStep * logD1
    breakLoss = curve.breakLoss * error([1, meanX - curve.logD1, 0, -curve.c0, 0])
    finalRate = error([0, 1, 1, 0, 0])
    guard [b, c0, c1, logD1, f1, breakStep, breakLoss, finalRate].allSatisfy(\.isFinite) else { return nil }
  }
}
