/// Settings of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101). The defaults are those of the loss-deceleration
/// paper.
public struct AdamW: Sendable, Hashable {
  public var beta1, beta2, epsilon: Double

  public init(beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-5) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }
}
