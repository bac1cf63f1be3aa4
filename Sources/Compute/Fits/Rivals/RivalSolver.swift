/// Generalised least squares by variable projection: of each law only the searched numbers are looked for, by Levenberg's and
/// Marquardt's method with derivatives by differences, from the best of its starts. Laws are many and windows few.
struct RivalSolver {
  let x, y: [Double]
  let whitening: Whitening
  let range: ClosedRange<Double>
  private let losses: [Double]
  /// log L, and 1 for laws of L itself, of which everything is relative to the observed loss: to first order the same.
  private let logarithm, relative: [Double]

  /// - Parameters:
  ///   - x, y: log t and log L of the windows.
  ///   - whitening: of their noise.
  init(x: [Double], y: [Double], whitening: Whitening) {
    self.x = x
    self.y = y
    self.whitening = whitening
    range = x[0]...x[x.count - 1]
    losses = y.map(Elementary.exp)
    logarithm = whitening(y)
    relative = whitening(y.map { _ in 1 })
  }

  struct Found {
    var searched: [Double]
    /// The squared length of the whitened residuals.
    var chiSquared: Double
  }

  /// - Parameter hint: a place to start from besides the law's own.
  func fit(_ rival: any Rival, hint: [Double]? = nil) -> Found? {
    optima(rival, hint: hint).min { $0.chiSquared < $1.chiSquared }
  }

  /// Where the searches from the best of a law's starts end.
  func optima(_ rival: any Rival, hint: [Double]? = nil) -> [Found] {
    var found: [Found] = []
    for start in rival.starts(range) {
      if let left = residual(rival, start) {
        found.append(Found(searched: start, chiSquared: Sums.dot(left, left)))
      }
    }
    found.sort { $0.chiSquared < $1.chiSquared }
    guard rival.searched > 0 else { return Array(found.prefix(1)) }
    return (found.prefix(rival.tries).map(\.searched) + [hint].compactMap(\.self))
      .map { search(rival, $0) }
  }

  private func columns(_ rival: any Rival, _ searched: [Double]) -> [[Double]]? {
    guard var columns = rival.columns(x, searched, range) else { return nil }
    if !rival.isOfLogarithm {
      for k in columns.indices { for i in x.indices { columns[k][i] /= losses[i] } }
    }
    return columns
  }

  /// What the best linear combination leaves, whitened.
  private func residual(_ rival: any Rival, _ searched: [Double]) -> [Double]? {
    guard let columns = columns(rival, searched) else { return nil }
    var basis: [[Double]] = []
    for column in columns { basis.appendOrthonormal(whitening(column)) }
    let left = (rival.isOfLogarithm ? logarithm : relative).without(basis)
    return left.allSatisfy(\.isFinite) ? left : nil
  }

  func search(_ rival: any Rival, _ start: [Double]) -> Found {
    guard var left = residual(rival, start) else { return Found(searched: start, chiSquared: .infinity) }
    var best = Found(searched: start, chiSquared: Sums.dot(left, left))
    var damping = 1e-2
    for _ in 0..<40 {
      var derivatives: [[Double]] = []
      for k in best.searched.indices {
        guard let column = derivative(rival, best.searched, k, left) else { return best }
        derivatives.append(column)
      }
      let gradient = derivatives.map { -Sums.dot($0, left) }
      let normal = derivatives.map { a in derivatives.map { Sums.dot(a, $0) } }
      var gain = 0.0
      while damping < 1e8, gain == 0 {
        var damped = normal
        for k in damped.indices { damped[k][k] += damping * max(normal[k][k], 1e-12) }
        let moved = Cholesky(damped).map {
          rival.bounded(stepped(best.searched, by: $0.solve(gradient)), range)
        }
        if let moved, let next = residual(rival, moved), Sums.dot(next, next) < best.chiSquared {
          gain = best.chiSquared - Sums.dot(next, next)
          best = Found(searched: moved, chiSquared: Sums.dot(next, next))
          left = next
          damping = max(damping * 0.1, 1e-8)
        } else {
          damping *= 8
        }
      }
      // A change of chi squared that no evidence shows.
      if gain < 1e-4 { break }
    }
    return best
  }

  /// No number moves by more than 1.
  private func stepped(_ place: [Double], by step: [Double]) -> [Double] {
    let longest = step.reduce(1) { max($0, $1.magnitude) }
    return zip(place, step).map { $0 + $1 / longest }
  }

  private func derivative(_ rival: any Rival, _ place: [Double], _ k: Int, _ left: [Double]) -> [Double]? {
    let size = 1e-5 * max(1, place[k].magnitude)
    for step in [size, -size] {
      var moved = place
      moved[k] += step
      if var column = residual(rival, moved) {
        Sums.subtract(1, left, from: &column)
        Sums.scale(&column, by: 1 / step)
        return column
      }
    }
    return nil
  }
}

extension RivalSolver {
  /// A law with its coefficients.
  struct Curve {
    let rival: any Rival
    let searched: [Double]
    let coefficients: [Double]
    /// log L less that of the law, at each window.
    let residuals: [Double]
    /// The columns that the residuals can be moved along.
    let columns: [[Double]]
  }

  func curve(_ rival: any Rival, _ searched: [Double]) -> Curve? {
    guard let columns = columns(rival, searched) else { return nil }
    let white = columns.map { whitening($0) }
    let scales = white.map { max(Sums.dot($0, $0).squareRoot(), 1e-300) }
    let target = rival.isOfLogarithm ? logarithm : relative
    var normal = white.indices.map { i in
      white.indices.map { j in Sums.dot(white[i], white[j]) / (scales[i] * scales[j]) }
    }
    for i in normal.indices { normal[i][i] += 1e-13 }
    let right = white.indices.map { Sums.dot(white[$0], target) / scales[$0] }
    guard let solution = Cholesky(normal)?.solve(right) else { return nil }
    let coefficients = zip(solution, scales).map { $0 / $1 }
    var rest = rival.isOfLogarithm ? y : y.map { _ in 1 }
    for (coefficient, column) in zip(coefficients, columns) {
      Sums.subtract(coefficient, column, from: &rest)
    }
    // 1 - f / L is a residual of L; that of log L is -log(f / L).
    if !rival.isOfLogarithm { rest = rest.map { -Elementary.log(max(1 - $0, 1e-300)) } }
    return Curve(
      rival: rival, searched: searched, coefficients: coefficients, residuals: rest, columns: columns)
  }

  /// The directions in which a law can move the residuals: its columns, and its derivatives by what is searched.
  func tangent(_ law: Curve) -> [[Double]] {
    law.columns
      + law.searched.indices.map { k in
        for step in [1e-5, -1e-5] {
          var moved = law.searched
          moved[k] += step
          guard var other = curve(law.rival, moved)?.residuals else { continue }
          Sums.subtract(1, law.residuals, from: &other)
          Sums.scale(&other, by: 1 / step)
          return other
        }
        return x.map { _ in 0 }
      }
  }
}

extension RivalSolver {
  /// What a law's parameters take from its evidence: log det J' V^-1 J - log det J' J / (n tau^2), by Laplace's approximation, J
  /// being the directions in which they move log L, V the covariance of the n windows.
  ///
  /// Before, a parameter is as well known as by one window whose noise is as large as the spread tau of log L (a unit-information
  /// prior: Kass and Wasserman, 1995). Were all windows that noisy, this were the k log n of the BIC; but windows are means of one
  /// step or of tens of thousands, and know more by as much.
  ///
  /// - Parameter variance: the factor by which V is larger than `whitening` has it.
  func price(of law: Curve, variance: Double = 1) -> Double {
    let mean = Sums.mean(y)
    let spread = y.map { $0 - mean }
    let unit = Elementary.log(max(Sums.dot(spread, spread), 1e-20) / variance)
    var (plain, white): ([[Double]], [[Double]]) = ([], [])
    for direction in tangent(law) { plain.appendOrthonormal(direction) }
    return plain.reduce(0) { price, direction in
      white.appendOrthonormal(whitening(direction)).map { price + unit + 2 * Elementary.log($0) } ?? price
    }
  }
}

extension RivalSolver.Curve {
  /// The exponents of a broken power law, of another law those at the first windows and at the last.
  func rates(x: [Double], y: [Double]) -> [Double] {
    if let law = rival as? BrokenPowerLaw { return law.rates(searched, coefficients) }
    func rate(_ a: Int, _ b: Int) -> Double {
      -((y[b] - residuals[b]) - (y[a] - residuals[a])) / (x[b] - x[a])
    }
    return [rate(0, 1), rate(x.count - 2, x.count - 1)]
  }
}
