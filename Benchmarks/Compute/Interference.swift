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
    let model = try workload.model()
    let batch = try workload.tokens(model)
    let threads = Threads(workload.threads)
    let weights = Initialisation.mitchell.weights(model, seed: 0, threads: threads)
    let delta = Initialisation.normal(deviation: 1e-3).weights(model, seed: 5, threads: threads)
    var analysis: GradientAnalysis?
    let measurement = try Measurement(seconds: workload.secs) {
      let gradients: TokenGradients
      switch method {
      case .exact:
        gradients = TokenGradients(weights: weights, delta: delta, threads: threads)
        try gradients.add(batch)
      case .proxy:
        gradients = TokenGradients(weights: weights, delta: delta, threads: threads)
        try gradients.addProxy(batch)
      case .sampled:
        gradients = try .sampled(
          [batch], weights: weights, delta: delta, count: samples, tolerance: tolerance, seed: 1,
          threads: threads)
      }
      analysis = try gradients.result()
    }
    let found = analysis?.modelWithoutEmbeddings.interference
    workload.report(
      "token_interference_\(method)", measurement,
      [
        "D_without_embeddings": .number(found?.destructive ?? .nan),
        "D_error": .number(found?.errors?.destructive ?? 0),
        "tokens_followed": .integer(
          Int64(method == .sampled ? analysis?.sample.count ?? 0 : workload.batch * workload.seq)),
      ])
  }
}
