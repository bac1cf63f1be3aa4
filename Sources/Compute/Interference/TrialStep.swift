public import System

/// One update from a checkpoint, made on copies: the checkpoint stays as it is.
public struct TrialStep {
  /// Losses of the batch before the update and after it, in nats [B, T].
  public let before, after: [Float]
  public let weights: Parameters
  /// What every parameter has changed by.
  public let delta: Parameters
  /// Of the gradient over all parameters, before it was clipped; and what the clip multiplied it by.
  public let gradientNorm, clipFactor: Double

  /// - Parameters:
  ///   - optimiser: with the checkpoint's state; the update changes it.
  ///   - clip: largest norm of the gradient; 0 for none.
  /// - Throws: as `Transformer.losses(of:weights:)`; and if loss or gradient are not finite.
  public init(
    from weights: Parameters, _ optimiser: Optimiser, batch: TokenBatch, learningRate: Double, clip: Double,
    _ transformer: Transformer
  ) throws(Failure) {
    let gradients = Parameters(weights.model)
    let before = try transformer.addGradients(of: batch, weights: weights, to: gradients)
    gradientNorm = GradientClip.norm(gradients, threads: transformer.threads)
    guard gradientNorm.isFinite, before.allSatisfy(\.isFinite) else {
      throw Failure(.unusable, "loss or gradient of the batch are not finite")
    }
    clipFactor = GradientClip.factor(norm: gradientNorm, limit: clip)
    let updated = Parameters(copying: weights)
    optimiser.update(updated, gradients: gradients, learningRate: learningRate, gradientScale: clipFactor)
    // The gradients are not needed any more: their memory takes the difference.
    for (index, pair) in zip(updated.values, weights.values).enumerated() {
      gradients.start[index] = pair.0 - pair.1
    }
    after = try transformer.losses(of: batch, weights: updated)
    self.before = before
    self.weights = updated
    delta = gradients
  }
}
