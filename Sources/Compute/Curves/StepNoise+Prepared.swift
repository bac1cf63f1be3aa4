extension StepNoise {
  /// Of the steps behind a curve that is smoothed with the published moving average: neighbouring points differ by the steps that
  /// only one of them is a mean of. Each point is compared with the line between its neighbours.
  ///
  /// These strays are correlated; stretches count as many as would be if they were not.
  ///
  /// The steps' noise is taken as independent: smoothing leaves of an autocorrelated one only its power at frequency 0, which this
  /// measures.
  init(smoothed steps: [Int], logLosses: [Double]) throws {
    var sums: [Sum] = []
    let windows = steps.map(LossWindow.smoothed)
    func shared(_ a: Int, _ b: Int) -> Double {
      let first = max(windows[a].lowerBound, windows[b].lowerBound)
      let last = min(windows[a].upperBound, windows[b].upperBound)
      return last < first
        ? 0 : Double(last - first + 1) / (Double(windows[a].count) * Double(windows[b].count))
    }
    let x = steps.map { Elementary.log(Double($0)) }
    var end = steps.count
    while end > 2 {
      var first = end - 1
      while first > 0, 2 * steps[first - 1] > steps[end - 1] { first -= 1 }
      let strays = (max(first, 1)..<max(end - 1, 1)).compactMap { PointStray($0, x: x, shared: shared) }
      var sum = Sum(first: windows[first].lowerBound, points: Double(strays.count), squares: 0, products: 0)
      sum.squares = strays.reduce(0) {
        let value = $1.value(logLosses)
        return $0 + value * value / $1.variance
      }
      sum.count(as: try strays.independent(shared))
      sums.append(sum)
      end = first
    }
    self.init(sums, course: 0, isCorrelated: false)
  }

  /// Of points that are single losses, from what a law of so many parameters leaves of them.
  init(residuals: [Double], parameters: Int) {
    let products = residuals.indices.dropLast().reduce(0) { $0 + residuals[$1] * residuals[$1 + 1] }
    self.init(
      [
        Sum(
          first: 0, points: Double(residuals.count), squares: Sums.dot(residuals, residuals),
          products: products)
      ], course: Double(parameters), isCorrelated: true)
  }
}
