import ArgumentParser
import Compute

/// The losses of all tokens, without gradients.
struct Forward: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Times per-token losses.")
  @OptionGroup var workload: Workload

  func run() throws {
    let (weights, batch, threads) = try workload.prepare()
    let transformer = Transformer(weights.model, threads: threads)
    try workload.measure("forward_token_losses") {
      _ = try transformer.losses(of: batch, weights: weights)
    }
  }
}
