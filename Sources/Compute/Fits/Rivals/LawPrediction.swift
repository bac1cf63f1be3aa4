/// A law that is fitted to the first windows of a run and predicts the others.
struct LawPrediction {
  /// The root mean square error of predicted log L.
  let error: Double
  /// -2 log of the probability density that the law gave the others, but for a term that all laws share: the prediction counts by
  /// how sure it could be. What noise is left in the law's parameters widens it, to first order (a flat prior on them).
  let score: Double

  /// - Parameters:
  ///   - fit: to the first windows.
  ///   - known: those, and x, y all windows.
  ///   - whitening: of the noise of all. It takes each window's noise given that of the windows before.
  init?(_ fit: LawFits.Fit, known: RivalSolver, x: [Double], y: [Double], whitening: Whitening) {
    let (rival, searched, count) = (fit.rival, fit.searched, known.x.count)
    guard let law = known.curve(rival, searched), let columns = rival.columns(x, searched, known.range) else {
      return nil
    }
    func logarithm(_ columns: [[Double]]) -> [Double] {
      x.indices.map { place in
        let value = zip(law.coefficients, columns).reduce(0) { $0 + $1.0 * $1.1[place] }
        return rival.isOfLogarithm ? value : Elementary.log(max(value, 1e-300))
      }
    }
    let fitted = logarithm(columns)
    var directions = columns
    if !rival.isOfLogarithm {
      for k in directions.indices {
        for place in x.indices { directions[k][place] *= Elementary.exp(-max(fitted[place], -700)) }
      }
    }
    for k in searched.indices {
      for step in [1e-5, -1e-5] {
        var moved = searched
        moved[k] += step
        guard let other = rival.columns(x, moved, known.range) else { continue }
        directions.append(zip(logarithm(other), fitted).map { ($0 - $1) / step })
        break
      }
    }
    let errors = zip(y, fitted).map { $0 - $1 }
    let rest = Array(errors[count...])
    error = (Sums.dot(rest, rest) / Double(rest.count)).squareRoot()
    let left = Array(whitening(errors)[count...])
    var basis: [[Double]] = []
    var later: [[Double]] = []
    // Directions that the known windows see as orthonormal: what they do to the others is how unsure the prediction is.
    for direction in directions {
      let white = whitening(direction)
      var (first, behind) = (Array(white[..<count]), Array(white[count...]))
      let whole = Sums.dot(first, first).squareRoot()
      for (other, tail) in zip(basis, later) {
        let part = Sums.dot(other, first)
        Sums.subtract(part, other, from: &first)
        Sums.subtract(part, tail, from: &behind)
      }
      let norm = Sums.dot(first, first).squareRoot()
      guard norm > 1e-9 * whole, norm.isFinite else { continue }
      Sums.scale(&first, by: 1 / norm)
      Sums.scale(&behind, by: 1 / norm)
      basis.append(first)
      later.append(behind)
    }
    let size = left.count
    var covariance = [Double](repeating: 0, count: size * size)
    for i in 0..<size {
      covariance[i * size + i] = 1
      for tail in later { for j in 0..<size { covariance[i * size + j] += tail[i] * tail[j] } }
    }
    guard let spread = Whitening(covariance: covariance, count: size) else { return nil }
    let standard = spread(left)
    score = Sums.dot(standard, standard) + spread.logDeterminant
    guard score.isFinite else { return nil }
  }
}
