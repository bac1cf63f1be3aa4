internal import System

/// What is no loss of a token, whichever program wrote it.
enum LossCheck {
  /// Nats; no rounding takes a loss below it.
  private static let least: Float = -1e-3
  /// Nats; no softmax of logits that a model gives makes a token so improbable, but a sum or a perplexity may be larger.
  private static let most: Float = 1e5

  /// A model that knows nothing has ln V nats a token, 13.8 of a vocabulary of a million; what is typical of a training is not above this.
  static let largestTypical = 20.0

  /// The mean loss above which numbers that are all at least 1 are perplexities or sums: losses of single tokens are near 0 somewhere.
  /// - Parameter vocabulary: how many tokens there are.
  static func largestMean(vocabulary: Int) -> Double {
    min(largestTypical, 2 + 2 * Elementary.log(Double(max(1, vocabulary))))
  }

  /// - Throws: `unusable` with the first token whose loss is not finite, negative or absurdly large.
  static func check(_ losses: some Collection<Float>) throws(Failure) {
    for (token, loss) in losses.enumerated() where !(loss >= least && loss <= most) {
      throw Failure(
        .unusable, "the loss of token \(token) is \(loss)",
        hint:
          "a loss is minus the natural logarithm of one token's probability, so it is finite, not negative and at most 100 000"
      )
    }
  }
}
