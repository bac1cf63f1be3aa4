import ArgumentParser
import Compute

/// Gradients of single sequences: their norms, cosines, diversity, noise scale and D.
struct PerSequence: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Times per-sequence gradients.")
  @OptionGroup var workload: Workload

  func run() throws {
    let model = try workload.model()
    let batch = try workload.tokens(model)
    let threads = Threads(workload.threads)
    let weights = Initialisation.mitchell.weights(model, seed: 0, threads: threads)
    let measurement = try Measurement(seconds: workload.secs) {
      _ = try SequenceGradients(of: batch, weights: weights, threads: threads)
    }
    workload.report("per_sequence_gradients", measurement)
  }
}
