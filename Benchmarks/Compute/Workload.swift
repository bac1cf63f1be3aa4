import ArgumentParser
import Compute
import JSON
internal import System

/// The model, the batch and the time of a measurement.
struct Workload: ParsableArguments {
  /// Llama without weights of norms, output matrix tied; 14m is the loss-deceleration paper's 14M model.
  enum Size: String, CaseIterable, ExpressibleByArgument {
    case small = "0.2m"
    case medium = "1m"
    case large = "3.4m"
    case paper = "14m"

    fileprivate func model(context: Int) throws(Failure) -> ModelConfiguration {
      switch self {
      case .small:
        try .standard(.llama, vocabulary: 257, width: 64, layers: 4, heads: 4, inner: 160, context: context)
      case .medium:
        try .standard(.llama, vocabulary: 257, width: 128, layers: 6, heads: 4, inner: 288, context: context)
      case .large:
        try .standard(.llama, vocabulary: 512, width: 256, layers: 4, heads: 4, inner: 768, context: context)
      case .paper:
        try .standard(
          .llama, vocabulary: 50_304, width: 256, layers: 4, heads: 4, inner: 128, context: context)
      }
    }
  }

  @Option(help: "The model, by its number of parameters.") var size = Size.medium
  @Option(help: "Tokens in a sequence.") var seq = 128
  @Option(help: "Sequences in a batch.") var batch = 16
  @Option(help: "Threads to use.") var threads = 1
  @Option(help: "Seconds to measure for, after two calls that are not measured.") var secs = 6.0

  func prepare() throws(Failure) -> (weights: Parameters, batch: TokenBatch, threads: Threads) {
    let model = try size.model(context: seq)
    let threads = Threads(threads)
    let weights = Initialisation.mitchell.weights(model, seed: 0, threads: threads)
    return (weights, try tokens(model), threads)
  }

  /// Drawn at random, so that there is nothing to learn.
  private func tokens(_ model: ModelConfiguration) throws(Failure) -> TokenBatch {
    guard seq > 0, batch > 0, batch <= TokenBatch.limit / seq else {
      return try TokenBatch(sequences: batch, length: seq, inputs: [], targets: [])
    }
    let random = Philox(seed: 1)
    let drawn = (0..<batch * (seq + 1)).map {
      Int32(random.number(below: model.vocabulary, stream: 0, index: UInt64($0)))
    }
    let sequences = stride(from: 0, to: drawn.count, by: seq + 1).map { drawn[$0...($0 + seq)] }
    return try TokenBatch(
      sequences: batch, length: seq, inputs: sequences.flatMap { $0.dropLast() },
      targets: sequences.flatMap { $0.dropFirst() })
  }

  /// Times the calls of a function, and prints that and other facts that are known then.
  func measure(
    _ name: String, _ body: () throws -> Void, facts others: () -> [String: JSON] = { [:] }
  ) rethrows {
    let measurement = try Measurement(seconds: secs, body)
    let tokens = Double(batch * seq)
    let facts: [String: JSON] = [
      "bench": .string(name), "size": .string(size.rawValue), "seq": .integer(Int64(seq)),
      "batch": .integer(Int64(batch)), "threads": .integer(Int64(threads)),
      "reps": .integer(Int64(measurement.count)), "tok_s_median": .number(tokens / measurement.medianWall),
      "tok_s_best": .number(tokens / measurement.leastWall),
      "tok_per_cpu_s": .number(tokens / measurement.medianProcessor),
      "ms_median": .number(1000 * measurement.medianWall),
      "peak_rss_mb": .number(Measurement.peakMemory / 1024),
    ]
    print(JSON.object(facts.merging(others()) { $1 }).canonical)
  }
}
