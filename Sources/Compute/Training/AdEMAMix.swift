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
    // An average with a beta of 0 has a half-life of 0, to which the formula below has its limits.
    if beta1 == 0 && beta3 == 0 { return 0 }
    if beta1 == 0 { return Elementary.exp(Elementary.log(beta3) / part) }
    if beta3 == 0 { return Elementary.exp(Elementary.log(beta1) / (1 - part)) }
    let (first, last) = (Elementary.log(beta1), Elementary.log(beta3))
    return Elementary.exp(first * last / ((1 - part) * last + part * first))
  }
}
