/// A quantity over trainings that differ in their seed alone. Seeds are the unit of replication: what another training would
/// give is told from how these differ, not from the interval within one of them.
public struct SeedSpread: Sendable, Hashable {
  public let values: [Double]
  public let mean: Double
  /// With n - 1 in the denominator; nil for one seed.
  public let deviation: Double?

  /// - Returns: nil without values.
  public init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    self.values = values
    mean = Sums.mean(values)
    let deviations = values.map { [mean] in $0 - mean }
    deviation =
      values.count > 1 ? (Sums.dot(deviations, deviations) / Double(values.count - 1)).squareRoot() : nil
  }

  /// Holds the mean over all seeds, 95 % of the time where values are normally distributed: mean +- t s / sqrt(n), with
  /// Student's t of n - 1 degrees of freedom. Nil for one seed.
  public var meanInterval: ClosedRange<Double>? { interval { 1 / $0 } }

  /// Holds the value of one more seed, 95 % of the time: mean +- t s sqrt(1 + 1/n). Nil for one seed.
  public var nextInterval: ClosedRange<Double>? { interval { 1 + 1 / $0 } }

  /// The probability of a mean at least as far from 0 where that over all seeds is 0 (Student's t); nil for one seed.
  public var probabilityOfZero: Double? {
    guard let deviation else { return nil }
    let error = deviation / Double(values.count).squareRoot()
    guard error > 0 else { return mean == 0 ? 1 : 0 }
    return StudentT.tails(beyond: mean / error, degrees: values.count - 1)
  }

  /// The variance within groups of trainings, taken to be the same in each, and its degrees of freedom; nil where no group has two.
  static func pooled(_ groups: [SeedSpread]) -> (variance: Double, degrees: Int)? {
    let degrees = groups.reduce(0) { $0 + $1.values.count - 1 }
    guard degrees > 0 else { return nil }
    let squares = groups.reduce(0.0) { sum, group in
      sum + (group.deviation.map { $0 * $0 } ?? 0) * Double(group.values.count - 1)
    }
    return (squares / Double(degrees), degrees)
  }

  private func interval(_ variance: (Double) -> Double) -> ClosedRange<Double>? {
    guard let deviation else { return nil }
    let width =
      StudentT.quantile(tails: 0.05, degrees: values.count - 1) * deviation
      * variance(Double(values.count)).squareRoot()
    return mean - width...mean + width
  }
}
