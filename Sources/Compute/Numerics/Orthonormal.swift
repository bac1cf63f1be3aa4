extension [Double] {
  /// What is left of a vector without its components along an orthonormal basis.
  func without(_ basis: [[Double]]) -> [Double] {
    var rest = self
    for column in basis { Sums.subtract(Sums.dot(column, rest), column, from: &rest) }
    return rest
  }
}

extension [[Double]] {
  /// Adds to an orthonormal basis what is new in a vector, unless that is nothing to working precision.
  ///
  /// - Returns: the length of what is new.
  @discardableResult
  mutating func appendOrthonormal(_ vector: [Double]) -> Double? {
    var rest = vector.without(self)
    let norm = Sums.dot(rest, rest).squareRoot()
    guard norm > 1e-9 * Sums.dot(vector, vector).squareRoot(), norm.isFinite else { return nil }
    Sums.scale(&rest, by: 1 / norm)
    append(rest)
    return norm
  }
}
