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

/// Settings of AdEMAMix (Pagliardini, Ablin and Grangier 2024, arXiv 2409.03137): AdamW with a second, slow momentum.
public struct AdEMAMix: Sendable, Hashable {
  public var beta1, beta2, beta3, alpha, epsilon: Double
  /// Updates over which alpha grows from 0 and beta3 from beta1, as the paper schedules them; 0 for none.
  public var warmUp: Int

  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, beta3: Double = 0.9999, alpha: Double = 8,
    epsilon: Double = 1e-8,
    warmUp: Int = 0
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.beta3 = beta3
    self.alpha = alpha
    self.epsilon = epsilon
    self.warmUp = warmUp
  }

  /// alpha at an update, counted from 1: it grows linearly.
  func alpha(at step: Int) -> Double {
    step < warmUp ? alpha * Double(step) / Double(warmUp) : alpha
  }

  /// beta3 at an update, counted from 1: the half-life of the average grows linearly (section 3 of the paper).
  func beta3(at step: Int) -> Double {
    guard step < warmUp else { return beta3 }
    let part = Double(step) / Double(warmUp)
    let (first, last) = (Elementary.log(beta1), Elementary.log(beta3))
    return Elementary.exp(first * last / ((1 - part) * last + part * first))
  }
}

/// Settings of stochastic gradient descent with momentum (Polyak 1964; Nesterov 1983).
public struct SGD: Sendable, Hashable {
  public var momentum: Double
  public var isNesterov: Bool

  public init(momentum: Double = 0.9, isNesterov: Bool = false) {
    self.momentum = momentum
    self.isNesterov = isNesterov
  }
}

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
