/// How far the mean of one group of trainings lies from the mean over all groups, judged by how seeds differ within the groups:
/// Student's test of a contrast. The deviation is pooled over all groups, and so taken to be the same in each.
public struct SeedContrast: Sendable, Hashable {
  /// The mean of the group less the mean of the means of all groups.
  public let difference: Double
  /// 95 %, and the probability of a difference at least as large if there is none; nil where no group has two seeds.
  public let interval: ClosedRange<Double>?
  public let probability: Double?

  /// - Parameters:
  ///   - index: of the group.
  ///   - groups: at least two.
  public init(of index: Int, among groups: [SeedSpread]) {
    let count = Double(groups.count)
    let difference = groups[index].mean - Sums.mean(groups.map(\.mean))
    self.difference = difference
    guard let (variance, degrees) = SeedSpread.pooled(groups) else {
      (interval, probability) = (nil, nil)
      return
    }
    // Of sum_r c_r mean_r, where c_r is 1 - 1/R of the group, and -1/R of each other one.
    let weight = groups.enumerated().reduce(0.0) { sum, group in
      let factor = (group.offset == index ? 1 : 0) - 1 / count
      return sum + factor * factor / Double(group.element.values.count)
    }
    let error = (variance * weight).squareRoot()
    let width = StudentT.quantile(tails: 0.05, degrees: degrees) * error
    interval = difference - width...difference + width
    probability =
      difference == 0 ? 1 : error > 0 ? StudentT.tails(beyond: difference / error, degrees: degrees) : 0
  }
}
