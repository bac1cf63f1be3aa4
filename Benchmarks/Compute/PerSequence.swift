import ArgumentParser
import Compute

/// Gradients of single sequences: their norms, cosines, diversity, noise scale and D.
struct PerSequence: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Times per-sequence gradients.")
  @OptionGroup var workload: Workload

  func run() throws {
    let (weights, batch, threads) = try workload.prepare()
    try workload.measure("per_sequence_gradients") {
      _ = try SequenceGradientAgreement(of: batch, weights: weights, threads: threads)
    }
  }
}
