/// The difference of a quantity between two groups of trainings, judged by how seeds differ within the groups: Student's
/// two-sample test. The deviation is pooled over all groups, also those with one seed, and so taken to be the same in each.
public struct SeedDifference: Sendable, Hashable {
  /// The mean of the second group less that of the first.
  public let difference: Double
  /// The probability of a difference at least as large between groups that do not differ.
  public let probability: Double
  public let degrees: Int

  /// - Parameter groups: all groups that the deviation is pooled over.
  /// - Returns: nil where no group has two seeds.
  public init?(from first: SeedSpread, to second: SeedSpread, among groups: [SeedSpread]) {
    guard let pooled = SeedSpread.pooled(groups) else { return nil }
    degrees = pooled.degrees
    let error = (pooled.variance * (1 / Double(first.values.count) + 1 / Double(second.values.count)))
      .squareRoot()
    difference = second.mean - first.mean
    probability =
      difference == 0 ? 1 : error > 0 ? StudentT.tails(beyond: difference / error, degrees: degrees) : 0
  }
}
