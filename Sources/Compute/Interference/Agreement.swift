/// How far one list of numbers follows another.
struct Agreement {
  /// Pearson's r; nil where either is constant.
  let correlation: Double?
  /// Spearman's: Pearson's r of the ranks, equal numbers sharing the mean of theirs; nil likewise.
  let rankCorrelation: Double?
  /// Of the line y = slope x + intercept of least squares; nil where x is constant.
  let line: (slope: Double, intercept: Double)?

  /// - Parameters:
  ///   - x: at least one number, all of magnitudes whose squares' sum is finite.
  ///   - y: as many, of the same kind.
  init(of y: [Double], with x: [Double]) {
    let (a, b) = (Self.centred(x), Self.centred(y))
    correlation = Self.cosine(a.differences, b.differences)
    rankCorrelation = Self.cosine(
      Self.centred(Self.ranks(x)).differences, Self.centred(Self.ranks(y)).differences)
    let square = Sums.dot(a.differences, a.differences)
    let slope = square > 0 ? Sums.dot(a.differences, b.differences) / square : nil
    line = slope.map { ($0, b.mean - $0 * a.mean) }
  }

  /// The ranks of numbers less their mean, as a vector of length 1: Spearman's correlation is the product of two such. Nil
  /// for numbers that are all the same.
  static func ranks(direction values: [Double]) -> [Double]? {
    var ranks = centred(ranks(values)).differences
    let norm = Sums.dot(ranks, ranks).squareRoot()
    guard norm > 0 else { return nil }
    Sums.scale(&ranks, by: 1 / norm)
    return ranks
  }

  /// The differences from the mean; exactly 0 for numbers that are all the same, whose mean may be rounded.
  private static func centred(_ values: [Double]) -> (mean: Double, differences: [Double]) {
    if values.allSatisfy({ $0 == values[0] }) { return (values[0], values.map { _ in 0 }) }
    let mean = Sums.mean(values)
    return (mean, values.map { $0 - mean })
  }

  private static func cosine(_ a: [Double], _ b: [Double]) -> Double? {
    let norms = Sums.dot(a, a).squareRoot() * Sums.dot(b, b).squareRoot()
    return norms > 0 ? min(1, max(-1, Sums.dot(a, b) / norms)) : nil
  }

  /// From 0 for the lowest.
  private static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = values
    var first = 0
    while first < order.count {
      var last = first
      while last + 1 < order.count, values[order[last + 1]] == values[order[first]] { last += 1 }
      for place in first...last { ranks[order[place]] = Double(first + last) / 2 }
      first = last + 1
    }
    return ranks
  }
}
