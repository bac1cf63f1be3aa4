/// Settings of stochastic gradient descent with momentum (Polyak 1964; Nesterov 1983).
public struct SGD: Sendable, Hashable {
  public var momentum: Double
  public var isNesterov: Bool

  public init(momentum: Double = 0.9, isNesterov: Bool = false) {
    self.momentum = momentum
    self.isNesterov = isNesterov
  }
}
