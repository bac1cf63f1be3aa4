import ArgumentParser
import Compute

/// Forward and backward pass, clip at norm 1, and an AdamW step.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Times training steps.")
  @OptionGroup var workload: Workload

  func run() throws {
    let model = try workload.model()
    let batch = try workload.tokens(model)
    let threads = Threads(workload.threads)
    let weights = Initialisation.mitchell.weights(model, seed: 0, threads: threads)
    let gradients = Parameters(model)
    let transformer = Transformer(model, threads: threads)
    let optimiser = Optimiser(.adamW(AdamW()), model: model, weightDecay: 0.1, threads: threads)
    let measurement = try Measurement(seconds: workload.secs) {
      gradients.setToZero()
      _ = try transformer.addGradients(of: batch, weights: weights, to: gradients)
      let norm = GradientClip.norm(gradients, threads: threads)
      optimiser.update(
        weights, gradients: gradients, learningRate: 1e-3,
        gradientScale: GradientClip.factor(norm: norm, limit: 1))
    }
    workload.report("train_step", measurement)
  }
}
