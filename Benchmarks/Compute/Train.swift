import ArgumentParser
import Compute

/// Forward and backward pass, clip at norm 1, and an AdamW step.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Times training steps.")
  @OptionGroup var workload: Workload

  func run() throws {
    let (weights, batch, threads) = try workload.prepare()
    let gradients = Parameters(weights.model)
    let transformer = Transformer(weights.model, threads: threads)
    let optimiser = Optimiser(.adamW(AdamW()), model: weights.model, weightDecay: 0.1, threads: threads)
    try workload.measure("train_step") {
      gradients.setToZero()
      _ = try transformer.addGradients(of: batch, weights: weights, to: gradients)
      let norm = GradientClip.norm(gradients, threads: threads)
      optimiser.update(
        weights, gradients: gradients, learningRate: 1e-3,
        gradientScale: GradientClip.factor(norm: norm, limit: 1))
    }
  }
}
