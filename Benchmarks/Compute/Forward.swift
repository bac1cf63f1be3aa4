import ArgumentParser
import Compute

/// The losses of all tokens, without gradients.
struct Forward: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Times per-token losses.")
  @OptionGroup var workload: Workload

  func run() throws {
    let model = try workload.model()
    let batch = try workload.tokens(model)
    let threads = Threads(workload.threads)
    let weights = Initialisation.mitchell.weights(model, seed: 0, threads: threads)
    let transformer = Transformer(model, threads: threads)
    let measurement = try Measurement(seconds: workload.secs) {
      _ = try transformer.losses(of: batch, weights: weights)
    }
    workload.report("forward_token_losses", measurement)
  }
}
