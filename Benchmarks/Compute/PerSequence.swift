import ArgumentParser
import Compute

/// Gradients of single sequences, all of them kept.
struct PerSequence: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Times per-sequence gradients.")
  @OptionGroup var workload: Workload

  func run() throws {
    let (weights, batch, threads) = try workload.prepare()
    let transformer = Transformer(weights.model, threads: threads)
    try workload.measure("per_sequence_gradients") {
      var gradients: [Parameters] = []
      for first in stride(from: 0, to: batch.inputs.count, by: batch.length) {
        let range = first..<first + batch.length
        let one = try TokenBatch(
          sequences: 1, length: batch.length, inputs: Array(batch.inputs[range]),
          targets: Array(batch.targets[range]))
        let gradient = Parameters(weights.model)
        _ = try transformer.addGradients(of: one, weights: weights, to: gradient)
        gradients.append(gradient)
      }
    }
  }
}
