extension StepNoise {
  /// Of the steps behind a curve that is smoothed with the published moving average: neighbouring points differ by the steps that
  /// only one of them is a mean of. Each point is compared with the line between its neighbours.
  ///
  /// The steps' noise is taken as independent: smoothing leaves of an autocorrelated one only its power at frequency 0, which this
  /// measures.
  init(smoothed steps: [Int], logLosses: [Double]) {
    var sums: [Sum] = []
    let windows = steps.map(LossWindow.smoothed)
    func shared(_ a: Int, _ b: Int) -> Double {
      let first = max(windows[a].lowerBound, windows[b].lowerBound)
      let last = min(windows[a].upperBound, windows[b].upperBound)
      return last < first
        ? 0 : Double(last - first + 1) / (Double(windows[a].count) * Double(windows[b].count))
    }
    var end = steps.count
    while end > 2 {
      var first = end - 1
      while first > 0, 2 * steps[first - 1] > steps[end - 1] { first -= 1 }
      var sum = Sum(first: windows[first].lowerBound, points: 0, squares: 0, products: 0)
      for i in max(first, 1)..<max(end - 1, 1) where steps[i + 1] > steps[i - 1] {
        let place =
          (Elementary.log(Double(steps[i])) - Elementary.log(Double(steps[i - 1])))
          / (Elementary.log(Double(steps[i + 1])) - Elementary.log(Double(steps[i - 1])))
        let weights = [(i, 1.0), (i - 1, place - 1), (i + 1, -place)]
        let variance = weights.reduce(0) { total, a in
          weights.reduce(total) { $0 + a.1 * $1.1 * shared(a.0, $1.0) }
        }
        let stray = weights.reduce(0) { $0 + $1.1 * logLosses[$1.0] }
        guard variance > 0 else { continue }
        sum.points += 1
        sum.squares += stray * stray / variance
      }
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
