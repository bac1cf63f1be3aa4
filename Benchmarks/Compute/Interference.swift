import ArgumentParser
import Compute
import JSON

/// Interference of single tokens' gradients: all that `zsl.gradients` computes.
struct Interference: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Times per-token gradient interference.")

  enum Method: String, ExpressibleByArgument { case exact, sampled, proxy }

  @OptionGroup var workload: Workload
  @Option(help: "exact, sampled or proxy.") var method = Method.exact
  @Option(help: "Tokens that 'sampled' follows, at first.") var samples = 128
  @Option(help: "Standard error of D up to which 'sampled' doubles them; 0 for no more.") var tolerance = 0.0

  func run() throws {
    let (weights, batch, threads) = try workload.prepare()
    let delta = Initialisation.normal(deviation: 1e-3).weights(weights.model, seed: 5, threads: threads)
    var analysis: ModelInterference?
    try workload.measure("token_interference_\(method)") {
      let gradients: TokenGradientAccumulator
      switch method {
      case .exact:
        gradients = TokenGradientAccumulator(weights: weights, delta: delta, threads: threads)
        try gradients.add(batch)
      case .proxy:
        gradients = TokenGradientAccumulator(weights: weights, delta: delta, threads: threads)
        try gradients.addProxy(batch)
      case .sampled:
        gradients = try .sampled(
          [batch], weights: weights, delta: delta, count: samples, tolerance: tolerance, seed: 1,
          threads: threads)
      }
      analysis = try gradients.result()
    } facts: {
      let found = analysis?.modelWithoutEmbeddings.interference
      return [
        "D_without_embeddings": .number(found?.destructive ?? .nan),
        "D_error": .number(found?.errors?.destructive ?? 0),
        "tokens_followed": .integer(
          Int64(method == .sampled ? analysis?.sample.count ?? 0 : workload.batch * workload.seq)),
      ]
    }
  }
}
