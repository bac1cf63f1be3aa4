/// The Cholesky factor of a small symmetric positive matrix.
struct Cholesky {
  private var lower: [[Double]]

  /// Nil if the matrix is not positive definite to working precision.
  init?(_ matrix: [[Double]]) {
    lower = matrix
    for i in matrix.indices {
      for j in 0...i {
        var value = matrix[i][j]
        for k in 0..<j { value -= lower[i][k] * lower[j][k] }
        if i == j {
          guard value > 0, value.isFinite else { return nil }
          lower[i][i] = value.squareRoot()
        } else {
          lower[i][j] = value / lower[j][j]
        }
      }
    }
  }

  func solve(_ right: [Double]) -> [Double] {
    var solution = right
    for i in solution.indices {
      for k in 0..<i { solution[i] -= lower[i][k] * solution[k] }
      solution[i] /= lower[i][i]
    }
    for i in solution.indices.reversed() {
      for k in solution.indices where k > i { solution[i] -= lower[k][i] * solution[k] }
      solution[i] /= lower[i][i]
    }
    return solution
  }

  /// The factor times a vector: of independent noise of variance 1, noise with the matrix as its covariance.
  func coloured(_ vector: [Double]) -> [Double] {
    lower.indices.map { row in (0...row).reduce(0) { $0 + lower[row][$1] * vector[$1] } }
  }

  /// The inverse of the matrix.
  var inverse: [[Double]] {
    lower.indices.map { column in solve(lower.indices.map { $0 == column ? 1 : 0 }) }
  }
}
