extension BrokenPowerLawSolver {
  /// The linear solution for given breaks, and what a step of the search needs.
  struct Evaluation {
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
  mutating func evaluate(_ breaks: [Break]) -> Evaluation? {
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
    // The components of the columns along 1 and x are taken out of their products only.
    let means = columns.map(Sums.mean)
    let slopes = columns.map { Sums.dot($0, direction) }
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
      for j in 0...i {
        let (a, b) = (coefficients[i / 2], coefficients[j / 2])
        let ends: Double = Double(x.count) * means[i] * means[j] + slopes[i] * slopes[j]
        let product: Double = Sums.dot(columns[i], columns[j]) - ends - Sums.dot(along[i], along[j])
        let crossed: Double = a * Sums.dot(along[i], across[j]) + b * Sums.dot(across[i], along[j])
        let squared: Double = Sums.dot(across[i], across[j])
        gaussNewton[i][j] = a * b * product + squared
        gaussNewton[j][i] = gaussNewton[i][j]
        hessian[i][j] = a * b * product + crossed - squared
        hessian[j][i] = hessian[i][j]
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
}
