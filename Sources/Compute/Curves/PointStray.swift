/// How far a point of a smoothed curve is from the line between its neighbours, as weights of the three.
struct PointStray {
  let weights: [(point: Int, weight: Double)]
  /// Under independent noise of the steps, of variance 1.
  let variance: Double

  /// - Parameters:
  ///   - point: not the first and not the last.
  ///   - x: log t of the points.
  ///   - shared: the covariance of two points.
  /// - Returns: nil where its neighbours tell nothing of it.
  init?(_ point: Int, x: [Double], shared: (Int, Int) -> Double) {
    guard x[point + 1] > x[point - 1] else { return nil }
    let place = (x[point] - x[point - 1]) / (x[point + 1] - x[point - 1])
    weights = [(point, 1), (point - 1, place - 1), (point + 1, -place)]
    variance = PointStray.covariance(weights, weights, shared)
    if variance <= 0 { return nil }
  }

  func value(_ y: [Double]) -> Double { weights.reduce(0) { $0 + $1.weight * y[$1.point] } }

  func correlation(with other: PointStray, _ shared: (Int, Int) -> Double) -> Double {
    PointStray.covariance(weights, other.weights, shared) / (variance * other.variance).squareRoot()
  }

  /// Whether one of a later point shares steps with it. Of still later ones none does if that does not.
  func overlaps(_ later: PointStray, _ shared: (Int, Int) -> Double) -> Bool {
    let (last, first) = (weights[2].point, later.weights[1].point)
    return last >= first || shared(last, first) > 0
  }

  private static func covariance(
    _ a: [(point: Int, weight: Double)], _ b: [(point: Int, weight: Double)], _ shared: (Int, Int) -> Double
  ) -> Double {
    a.reduce(0) { total, a in b.reduce(total) { $0 + a.weight * $1.weight * shared(a.point, $1.point) } }
  }
}

extension [PointStray] {
  /// How many independent ones would tell as much of the size of the noise: the mean square of normal values with correlations r has
  /// the variance 2 sum r^2 / n^2, and that of so many independent ones 2 / (n^2 / sum r^2) (Satterthwaite, 1946).
  ///
  /// The sum over all is that over evenly chosen ones, times how many each of these stands for.
  func independent(_ shared: (Int, Int) -> Double) throws -> Double {
    guard !isEmpty else { return 0 }
    let chosen = Swift.min(count, Self.mostChosen)
    var sum = Double(chosen)
    var first = 0
    for i in (0..<chosen).map({ (2 * $0 + 1) * count / (2 * chosen) }) {
      try Task.checkCancellation()
      while first < i, !self[first].overlaps(self[i], shared) { first += 1 }
      for j in first..<i {
        let r = self[i].correlation(with: self[j], shared)
        sum += 2 * r * r
      }
    }
    return Double(count) * Double(chosen) / sum
  }

  private static var mostChosen: Int { 200 }
}
