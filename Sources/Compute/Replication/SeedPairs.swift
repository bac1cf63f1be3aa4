/// The mean of a quantity of pairs of seeds, which share seeds and so are not independent: its error is told by Tukey's
/// jackknife over seeds (Tukey 1958, "Bias and confidence in not-quite large samples"; for such means Arvesen 1969).
public struct SeedPairs: Sendable, Hashable {
  public let mean: Double
  /// 95 %, and the probability of a mean at least as far from 0 if it is 0, by Student's t over n seeds with n - 1 degrees of
  /// freedom; nil for fewer than three seeds.
  public let interval: ClosedRange<Double>?
  public let probability: Double?

  /// - Parameters:
  ///   - seeds: how many, at least two.
  ///   - value: of the pair i < j.
  public init(seeds: Int, _ value: (_ i: Int, _ j: Int) -> Double) {
    precondition(seeds >= 2, "one seed has no pair")
    var values: [(i: Int, j: Int, value: Double)] = []
    for i in 0..<seeds { for j in i + 1..<seeds { values.append((i, j, value(i, j))) } }
    let mean = Sums.mean(values.map(\.value))
    self.mean = mean
    guard seeds > 2 else {
      (interval, probability) = (nil, nil)
      return
    }
    // n U - (n - 1) U without the seed.
    let pseudovalues = (0..<seeds).map { seed in
      let rest = values.filter { $0.i != seed && $0.j != seed }.map(\.value)
      return Double(seeds) * mean - Double(seeds - 1) * Sums.mean(rest)
    }
    // Their mean is the mean.
    let spread = SeedSpread(pseudovalues)
    interval = spread?.meanInterval
    probability = spread?.probabilityOfZero
  }
}
