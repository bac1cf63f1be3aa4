/// Least squares for a broken power law with one or more breaks on log-log points,
///
///     y = beta - c0 x - sum_k c_k s_k(x),   s_k(x) = f_k log(1 + exp((x - delta_k) / f_k)),
///
/// by variable projection (Golub and Pereyra, 1973): for given (delta, log f) the best (beta, c0, c) are linear least
/// squares, so the search is over two numbers a break: Newton's method with the exact Hessian of what is left, damped as
/// Levenberg and Marquardt do. Abscissa and constant are projected out of everything once and for all.
struct BrokenPowerLawSolver {
  /// The non-linear parameters of a break.
  struct Break: Hashable {
    /// log d
    var position: Double
    /// log f
    var logWidth: Double
  }

  struct Solution {
    var breaks: [Break]
    /// beta = log b
    var intercept: Double
    var c0: Double
    /// c_k of each break.
    var changes: [Double]
    /// Sum of squared residuals of y.
    var sse: Double
    var converged: Bool
    var iterations: Int
  }

  /// Breaks are looked for no farther outside the fitted range than this (in log t), and no more and no less gradual.
  static let margin = 1.0
  static let logWidths = -4.6...2.3

  let x: [Double]
  let positions: ClosedRange<Double>
  private let meanX: Double
  /// x without its mean, of norm 1.
  private let direction: [Double]
  private let spread: Double
  private var meanY = 0.0
  private var slopeY = 0.0
  /// y without its components along 1 and x.
  private var target: [Double] = []
  /// |target|^2: the sum of squared residuals of the plain power law.
  private(set) var powerLawSSE = 0.0

  private let order: Int
  // Of break k: s_k and its derivatives by position and log width, all without their components along 1 and x.
  private var shapes: [[Double]]
  private var byPosition: [[Double]]
  private var byWidth: [[Double]]
  /// The derivative of the logistic function at each point, as it is.
  private var curvatures: [[Double]]
  /// The mean of s_k and its component along `direction`, taken out above.
  private var shapeMeans: [Double]
  private var shapeSlopes: [Double]

  /// - Precondition: x is ascending, with more than one value.
  init(x: [Double], y: [Double], breaks order: Int) {
    self.x = x
    self.order = order
    positions = x[0] - BrokenPowerLawSolver.margin...x[x.count - 1] + BrokenPowerLawSolver.margin
    let meanX = Sums.mean(x)
    var direction = x.map { $0 - meanX }
    let spread = Sums.dot(direction, direction).squareRoot()
    Sums.scale(&direction, by: 1 / spread)
    self.meanX = meanX
    self.direction = direction
    self.spread = spread
    let zeros = [[Double]](repeating: [Double](repeating: 0, count: x.count), count: order)
    shapes = zeros
    byPosition = zeros
    byWidth = zeros
    curvatures = zeros
    shapeMeans = [Double](repeating: 0, count: order)
    shapeSlopes = shapeMeans
    setTarget(y)
  }

  /// Other ordinates at the same abscissae: a bootstrap resample.
  mutating func setTarget(_ y: [Double]) {
    precondition(y.count == x.count)
    target = y
    (meanY, slopeY) = project(&target)
    powerLawSSE = Sums.dot(target, target)
  }

  /// The plain power law: y = intercept - c0 x.
  var powerLaw: (intercept: Double, c0: Double, sse: Double) {
    let slope = slopeY / spread
    return (meanY - slope * meanX, -slope, powerLawSSE)
  }

  /// Takes out of a vector its components along 1 and x, and returns its mean and its component along `direction`.
  private func project(_ vector: inout [Double]) -> (mean: Double, slope: Double) {
    let mean = Sums.mean(vector)
    Sums.shift(&vector, by: -mean)
    let slope = Sums.dot(vector, direction)
    Sums.subtract(slope, direction, from: &vector)
    return (mean, slope)
  }

  private mutating func fillColumns(_ breaks: [Break]) {
    for (k, each) in breaks.enumerated() {
      fill(k, each)
      (shapeMeans[k], shapeSlopes[k]) = project(&shapes[k])
      _ = project(&byPosition[k])
      _ = project(&byWidth[k])
    }
  }

  private mutating func fill(_ k: Int, _ each: Break) {
    let width = Elementary.exp(each.logWidth)
    let count = x.count
    x.withUnsafeBufferPointer { x in
      shapes[k].withUnsafeMutableBufferPointer { shape in
        byPosition[k].withUnsafeMutableBufferPointer { byPosition in
          byWidth[k].withUnsafeMutableBufferPointer { byWidth in
            curvatures[k].withUnsafeMutableBufferPointer { curvature in
              let x = x.baseAddress.unsafelyUnwrapped
              let shape = shape.baseAddress.unsafelyUnwrapped
              let byPosition = byPosition.baseAddress.unsafelyUnwrapped
              let byWidth = byWidth.baseAddress.unsafelyUnwrapped
              let curvature = curvature.baseAddress.unsafelyUnwrapped
              let inverse = 1 / width
              for index in 0..<count {
                let distance = x[index] - each.position
                let z = distance * inverse
                let magnitude = z.magnitude
                let u = Elementary.reducedExp(magnitude < 708 ? -magnitude : -708)
                let s = width * ((z > 0 ? z : 0) + Elementary.reducedLog1p(u))
                let sigmoid = (z > 0 ? 1 : u) / (1 + u)
                shape[index] = s
                byPosition[index] = -sigmoid
                byWidth[index] = s - distance * sigmoid
                curvature[index] = sigmoid * (1 - sigmoid)
              }
            }
          }
        }
      }
    }
  }

  /// The linear solution for given breaks, and what a step of the search needs.
  private struct Evaluation {
    var sse: Double
    /// y = ... + coefficient_k s_k, so -c_k.
    var coefficients: [Double]
    /// Gradient and Hessian (rows) of sse / 2 by (position, log width) of each break, all else at its best.
    var gradient: [Double]
    var hessian: [[Double]]
    /// The Gauss-Newton approximation of the Hessian, which is never indefinite.
    var gaussNewton: [[Double]]
  }

  /// Nil where the shapes are too nearly straight or too nearly alike to be told apart.
  private mutating func evaluate(_ breaks: [Break]) -> Evaluation? {
    fillColumns(breaks)
    // Orthonormal basis of the shapes: shapes = basis * r, by modified Gram-Schmidt.
    var basis = shapes
    var r = [[Double]](repeating: [Double](repeating: 0, count: order), count: order)
    for k in 0..<order {
      let whole = Sums.dot(basis[k], basis[k]).squareRoot()
      for j in 0..<k {
        r[j][k] = Sums.dot(basis[j], basis[k])
        Sums.subtract(r[j][k], basis[j], from: &basis[k])
      }
      let norm = Sums.dot(basis[k], basis[k]).squareRoot()
      let scale = (shapeMeans[k].magnitude + shapeSlopes[k].magnitude + whole) * 1e-10
      guard norm > scale, norm.isFinite else { return nil }
      r[k][k] = norm
      Sums.scale(&basis[k], by: 1 / norm)
    }
    var residual = target
    var coefficients = [Double](repeating: 0, count: order)
    for k in 0..<order {
      coefficients[k] = Sums.dot(basis[k], residual)
      Sums.subtract(coefficients[k], basis[k], from: &residual)
    }
    for k in (0..<order).reversed() {
      for j in k + 1..<order where j < order { coefficients[k] -= r[k][j] * coefficients[j] }
      coefficients[k] /= r[k][k]
    }
    return derivatives(breaks, basis, r, residual, coefficients)
  }

  /// With F = |y - sum_j a_j s_j|^2 / 2 and d_k the derivative of its break's shape by the non-linear parameter k:
  /// H = F_kl - C^T G^-1 C, where F_kl = a_k a_l d_k d_l - a_k (r d_kl), C_ik = a_k s_i d_k - [i is k's break] (r d_k), and
  /// G = S^T S = R^T R for the shapes S = Q R.
  private func derivatives(
    _ breaks: [Break], _ basis: [[Double]], _ r: [[Double]], _ residual: [Double], _ coefficients: [Double]
  ) -> Evaluation {
    let size = 2 * order
    let columns = breaks.indices.flatMap { [byPosition[$0], byWidth[$0]] }
    let onResidual = columns.map { Sums.dot($0, residual) }
    // Column by column, Q^T d and R^-T e (r d), e being the unit vector of its break.
    let along = columns.map { column in basis.map { Sums.dot($0, column) } }
    let across = columns.indices.map { (k: Int) -> [Double] in
      var column = [Double](repeating: 0, count: order)
      for i in 0..<order {
        var value = i == k / 2 ? onResidual[k] : 0
        for j in 0..<i { value -= r[j][i] * column[j] }
        column[i] = value / r[i][i]
      }
      return column
    }
    var hessian = [[Double]](repeating: [Double](repeating: 0, count: size), count: size)
    var gaussNewton = hessian
    for i in 0..<size {
      for j in 0..<size {
        let (a, b) = (coefficients[i / 2], coefficients[j / 2])
        let product: Double = Sums.dot(columns[i], columns[j]) - Sums.dot(along[i], along[j])
        let crossed: Double = a * Sums.dot(along[i], across[j]) + b * Sums.dot(across[i], along[j])
        let squared: Double = Sums.dot(across[i], across[j])
        gaussNewton[i][j] = a * b * product + squared
        hessian[i][j] = a * b * product + crossed - squared
      }
    }
    for k in 0..<order {
      let second = secondDerivatives(breaks[k], curvatures[k], residual)
      hessian[2 * k][2 * k] -= coefficients[k] * second.position
      hessian[2 * k][2 * k + 1] -= coefficients[k] * second.mixed
      hessian[2 * k + 1][2 * k] -= coefficients[k] * second.mixed
      hessian[2 * k + 1][2 * k + 1] -= coefficients[k] * (second.width + onResidual[2 * k + 1])
    }
    return Evaluation(
      sse: Sums.dot(residual, residual), coefficients: coefficients,
      gradient: onResidual.indices.map { (k: Int) -> Double in -coefficients[k / 2] * onResidual[k] },
      hessian: hessian, gaussNewton: gaussNewton)
  }

  /// The products of the residual with s'' by (position, position), (position, log width) and (log width, log width), of
  /// the last without that of the first derivative by log width: w / f, w z and w z^2 f, with w = sigmoid'(z).
  private func secondDerivatives(
    _ each: Break, _ curvature: [Double], _ residual: [Double]
  ) -> (position: Double, mixed: Double, width: Double) {
    let width = Elementary.exp(each.logWidth)
    let inverse = 1 / width
    return x.withUnsafeBufferPointer { x in
      curvature.withUnsafeBufferPointer { w in
        residual.withUnsafeBufferPointer { r in
          let x = x.baseAddress.unsafelyUnwrapped
          let w = w.baseAddress.unsafelyUnwrapped
          let r = r.baseAddress.unsafelyUnwrapped
          let count = residual.count
          let plain = Sums.lanes(count) { r[$0] * w[$0] }
          let first = Sums.lanes(count) { (index: Int) -> Double in
            let z: Double = (x[index] - each.position) * inverse
            return r[index] * w[index] * z
          }
          let second = Sums.lanes(count) { (index: Int) -> Double in
            let z: Double = (x[index] - each.position) * inverse
            return r[index] * w[index] * (z * z)
          }
          return (plain * inverse, first, second * width)
        }
      }
    }
  }

  /// The search from one start. Ends when a step no longer moves any parameter by more than `tolerance`, or no
  /// step makes the sum of squares smaller.
  ///
  /// - Returns: nil where the start itself has no linear solution.
  mutating func solve(from start: [Break], tolerance: Double = 1e-10, limit: Int = 200) -> Solution? {
    var breaks = start.map(clamped)
    guard var current = evaluate(breaks) else { return nil }
    var damping = 1e-3
    var iterations = 0
    var converged = false
    while iterations < limit, !converged {
      iterations += 1
      guard let step = step(current, breaks, damping) else {
        damping *= 10
        converged = damping > 1e12
        continue
      }
      let moved = zip(breaks, step).map {
        clamped(Break(position: $0.position + $1.position, logWidth: $0.logWidth + $1.logWidth))
      }
      let distance = zip(breaks, moved).reduce(0.0) {
        max($0, ($1.0.position - $1.1.position).magnitude, ($1.0.logWidth - $1.1.logWidth).magnitude)
      }
      if let next = evaluate(moved), next.sse <= current.sse {
        breaks = moved
        current = next
        damping = max(damping * 0.1, 1e-12)
        converged = distance < tolerance
      } else {
        converged = distance < tolerance || damping > 1e12
        damping *= 8
      }
    }
    return solution(breaks, current, converged: converged, iterations: iterations)
  }

  private func clamped(_ each: Break) -> Break {
    let widths = BrokenPowerLawSolver.logWidths
    return Break(
      position: min(max(each.position, positions.lowerBound), positions.upperBound),
      logWidth: min(max(each.logWidth, widths.lowerBound), widths.upperBound))
  }

  /// The damped Newton step, or that of Gauss and Newton where the Hessian is indefinite; no longer than 1 in any
  /// parameter. Parameters that stand at a bound and would leave it stay.
  private func step(_ current: Evaluation, _ breaks: [Break], _ damping: Double) -> [Break]? {
    let solved =
      step(current.hessian, current.gradient, breaks, damping)
      ?? step(current.gaussNewton, current.gradient, breaks, damping)
    guard var solved else { return nil }
    let longest = solved.reduce(0.0) { max($0, $1.magnitude) }
    guard longest.isFinite else { return nil }
    if longest > 1 { for i in solved.indices { solved[i] /= longest } }
    return breaks.indices.map { Break(position: solved[2 * $0], logWidth: solved[2 * $0 + 1]) }
  }

  private func step(
    _ matrix: [[Double]], _ gradient: [Double], _ breaks: [Break], _ damping: Double
  ) -> [Double]? {
    var matrix = matrix
    var right = gradient.map { -$0 }
    let widths = BrokenPowerLawSolver.logWidths
    let largest = matrix.indices.reduce(0.0) { max($0, matrix[$1][$1].magnitude) }
    guard largest > 0, largest.isFinite else { return nil }
    for i in matrix.indices {
      let (value, range) =
        i % 2 == 0 ? (breaks[i / 2].position, positions) : (breaks[i / 2].logWidth, widths)
      let leaves = value <= range.lowerBound && right[i] < 0 || value >= range.upperBound && right[i] > 0
      if leaves {
        for j in matrix.indices {
          matrix[i][j] = 0
          matrix[j][i] = 0
        }
        matrix[i][i] = 1
        right[i] = 0
      } else {
        matrix[i][i] += damping * max(matrix[i][i].magnitude, 1e-6 * largest)
      }
    }
    return Cholesky(matrix)?.solve(right)
  }

  private mutating func solution(
    _ breaks: [Break], _ evaluation: Evaluation, converged: Bool, iterations: Int
  ) -> Solution {
    fillColumns(breaks)
    var slope = slopeY
    var mean = meanY
    for k in breaks.indices {
      slope -= evaluation.coefficients[k] * shapeSlopes[k]
      mean -= evaluation.coefficients[k] * shapeMeans[k]
    }
    slope /= spread
    return Solution(
      breaks: breaks, intercept: mean - slope * meanX, c0: -slope,
      changes: evaluation.coefficients.map { -$0 }, sse: evaluation.sse, converged: converged,
      iterations: iterations)
  }
}
