/// Settings of Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon): the momentum of each matrix of the
/// layers is replaced by the nearest matrix with equal singular values. The other parameters are AdamW's.
public struct Muon: Sendable, Hashable {
  public var momentum: Double
  public var isNesterov: Bool
  /// Newton-Schulz steps towards equal singular values.
  public var iterations: Int
  public var others: AdamW
  /// Learning rate of the other parameters as a multiple of the matrices'.
  public var othersRate: Double

  public init(
    momentum: Double = 0.95, isNesterov: Bool = true, iterations: Int = 5, others: AdamW = AdamW(),
    othersRate: Double = 1
  ) {
    self.momentum = momentum
    self.isNesterov = isNesterov
    self.iterations = iterations
    self.others = others
    self.othersRate = othersRate
  }
}
