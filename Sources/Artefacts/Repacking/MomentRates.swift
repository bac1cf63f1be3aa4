/// Finds the rates at which an optimiser forgets, from moments of before and after an update.
///
/// Without the gradient, v' = β₂ v + K (m' − β₁ m)² is left of the two averages, with K = (1 − β₂) / (1 − β₁)². That is linear in β₂, K, K β₁
/// and K β₁², which are fitted to samples by least squares of v' / v'. What was set mostly is a short decimal number, so
/// the nearest of these are tried, too.
struct MomentRates {
  /// Sums of products of the four terms with each other and with one.
  private var products = [[Double]](repeating: [Double](repeating: 0, count: 4), count: 4)
  private var sums = [Double](repeating: 0, count: 4)
  private var samples: [(now: Float, before: Float, second: Float, then: Float)] = []

  /// - Parameters:
  ///   - now: m', and before m.
  ///   - second: v, and then v'.
  mutating func add(now: Float, before: Float, second: Float, then: Float) {
    let (m1, m0, v0, v1) = (Double(now), Double(before), Double(second), Double(then))
    // Also a number that is none is not above another.
    guard v1 > 0, v1.isFinite else { return }
    let terms = [v0, m1 * m1, -2 * m1 * m0, m0 * m0].map { $0 / v1 }
    // What the averages of any gradients can be; one that is not would outweigh all others.
    guard terms.allSatisfy({ $0.magnitude < MomentRates.largestTerm }) else { return }
    samples.append((now, before, second, then))
    for row in 0..<4 {
      for column in 0..<4 { products[row][column] += terms[row] * terms[column] }
      sums[row] += terms[row]
    }
  }

  /// The rates that predict most of the samples.
  /// - Returns: nil if none predict half of them to one part in a hundred thousand, so that a byte or two are saved.
  var rates: Moments.Rates? {
    guard samples.count >= MomentRates.fewest, let fit = solution, fit[1] > 0 else { return nil }
    var best = (rates: nil as Moments.Rates?, hits: (exact: 0, near: 0))
    for first in MomentRates.nearby(fit[2] / fit[1]) {
      guard (0..<1).contains(first), let (second, factor) = second(first) else { continue }
      let free = Moments.Rates(first: first, second: second, ofSquare: factor * (1 - first) * (1 - first))
      for rates in [free] + MomentRates.nearby(second).map({ .init(first: first, second: $0) }) {
        let hits = hits(of: rates)
        if hits > best.hits { best = (rates, hits) }
      }
    }
    return 2 * best.hits.near >= samples.count ? best.rates : nil
  }

  /// β₂ and K, by least squares, where β₁ is known.
  private func second(_ first: Double) -> (second: Double, factor: Double)? {
    var (aa, ab, bb, a, b) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for sample in samples {
      let then = Double(sample.then)
      let change = Double(sample.now) - first * Double(sample.before)
      let (before, square) = (Double(sample.second) / then, change * change / then)
      aa += before * before
      ab += before * square
      bb += square * square
      a += before
      b += square
    }
    let determinant = aa * bb - ab * ab
    guard determinant > 1e-12 * aa * bb else { return nil }
    let (second, factor) = ((a * bb - b * ab) / determinant, (b * aa - a * ab) / determinant)
    return (0..<1).contains(second) && factor > 0 && factor.isFinite ? (second, factor) : nil
  }

  /// A rate, and short decimal numbers near it: 0.9, 0.95, 0.999, 0.9995.
  private static func nearby(_ rate: Double) -> [Double] {
    guard rate.isFinite, rate < 1 else { return [rate] }
    return [rate] + (1...6).map { short(rate, digits: $0) }
  }

  private static let largestTerm = 100.0
  /// Samples, at least: of fewer nothing is said.
  private static let fewest = 64

  /// How many samples are predicted to the last bit, and how many nearly so.
  private func hits(of rates: Moments.Rates) -> (exact: Int, near: Int) {
    samples.reduce(into: (0, 0)) { hits, sample in
      let prediction = Moments.prediction(
        rates, now: sample.now, before: sample.before, second: sample.second)
      let distance = (prediction - sample.then).magnitude / sample.then
      if distance == 0 { hits.exact += 1 }
      if distance < 1e-5 { hits.near += 1 }
    }
  }

  /// One minus a number of so many digits that count.
  private static func short(_ rate: Double, digits: Int) -> Double {
    let rest = 1 - rate
    var unit = 1.0
    while unit > 1e-12, rest / unit < 1 { unit /= 10 }
    for _ in 1..<digits { unit /= 10 }
    let count = (rest / unit).rounded()
    // Divided by a whole number, as a reader of decimal numbers does.
    return 1 - count / (1 / unit).rounded()
  }

  /// Of the linear equations, by elimination; nil if they have none.
  private var solution: [Double]? {
    var (rows, right) = (products, sums)
    let scale = (0..<4).map { products[$0][$0].squareRoot() }
    guard scale.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
    for row in 0..<4 {
      right[row] /= scale[row]
      for column in 0..<4 { rows[row][column] /= scale[row] * scale[column] }
      // After the first update v is a multiple of m²: whatever part either has, β₁ is the same.
      rows[row][row] += 1e-12
    }
    for pivot in 0..<4 {
      let best = (pivot..<4).max { rows[$0][pivot].magnitude < rows[$1][pivot].magnitude }!
      rows.swapAt(pivot, best)
      right.swapAt(pivot, best)
      guard rows[pivot][pivot].magnitude > 1e-13 else { return nil }
      for row in 0..<4 where row != pivot {
        let factor = rows[row][pivot] / rows[pivot][pivot]
        for column in 0..<4 { rows[row][column] -= factor * rows[pivot][column] }
        right[row] -= factor * right[pivot]
      }
    }
    return (0..<4).map { right[$0] / rows[$0][$0] / scale[$0] }
  }
}
