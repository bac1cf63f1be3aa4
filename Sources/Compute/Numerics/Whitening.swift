/// The inverse of the Cholesky factor of a covariance matrix: it turns noise of that covariance into independent noise of
/// variance 1, and so generalised least squares into ordinary ones.
struct Whitening {
  let count: Int
  /// The lower triangle, row by row, in a full square.
  private var inverse: [Double]
  /// The logarithm of the covariance's determinant.
  let logDeterminant: Double

  /// - Parameter covariance: row by row; its lower triangle is read.
  /// - Returns: nil if it is not positive definite to working precision.
  init?(covariance: [Double], count n: Int) {
    var lower = covariance
    var determinant = 0.0
    for i in 0..<n {
      for j in 0...i {
        var value = lower[i * n + j]
        for k in 0..<j { value -= lower[i * n + k] * lower[j * n + k] }
        if i == j {
          guard value > 0, value.isFinite else { return nil }
          determinant += Elementary.log(value)
          lower[i * n + i] = value.squareRoot()
        } else {
          lower[i * n + j] = value / lower[j * n + j]
        }
      }
    }
    inverse = [Double](repeating: 0, count: n * n)
    for column in 0..<n {
      for i in column..<n {
        var value = i == column ? 1.0 : 0
        for k in column..<i { value -= lower[i * n + k] * inverse[k * n + column] }
        inverse[i * n + column] = value / lower[i * n + i]
      }
    }
    count = n
    logDeterminant = determinant
  }

  func callAsFunction(_ vector: [Double]) -> [Double] {
    precondition(vector.count == count)
    return vector.withUnsafeBufferPointer { v in
      inverse.withUnsafeBufferPointer { w in
        (0..<count).map { row in
          let (w, v) = (w.baseAddress.unsafelyUnwrapped + row * count, v.baseAddress.unsafelyUnwrapped)
          return Sums.lanes(row + 1) { w[$0] * v[$0] }
        }
      }
    }
  }
}
