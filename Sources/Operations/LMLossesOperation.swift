internal import Compute
internal import JSON
internal import Pipeline
internal import Safetensors

/// `lm.losses`
struct LMLossesOperation: Operation {
  static let context = Parameter(
    "context", default: 0, unit: "tokens", in: 0...1 << 20,
    help:
      "of a window: a token's loss is that after the tokens before it in its window; 0 for the model's context"
  )
  static let limit = Parameter(
    "tokens", default: 0, unit: "tokens", in: 0...1 << 40,
    help: "losses of no more than the first ones; 0 for all")

  let name = "lm.losses"
  let revision = 1
  let summary = "Measures a checkpoint's loss of each token of a stream."
  let inputs = [
    InputDeclaration("checkpoint", help: LMCheckpoint.help),
    InputDeclaration("tokens", help: "tokens as text.tokenise writes them"),
  ]
  let parameters: [any ParameterDeclaration] = [context, limit]
  let outputs = [
    OutputDeclaration(
      "losses", file: "losses.safetensors",
      help: "'losses' (float32, nats): of all tokens of the stream but its first, in order"),
    OutputDeclaration(
      "summary", file: "summary.json", help: "mean loss in nats a token, and how many tokens"),
  ]

  /// Tokens of a pass, roughly.
  private static let tokensOfPass = 1 << 13

  func run(_ context: OperationContext) async throws {
    let weights = try LMCheckpoint(context.input("checkpoint")).weights
    let stream = try TokenStream(parsing: context.input("tokens").bytes(limit: TextInput.limit))
    guard stream.tokens.count > 1 else {
      throw ComputeError(.unusable, "a stream of \(stream.tokens.count) tokens has none that follows another")
    }
    let limit = context[Self.limit]
    let count = min(stream.tokens.count - 1, limit > 0 ? limit : .max)
    let length = context[Self.context] > 0 ? context[Self.context] : weights.model.context
    let losses = try Self.losses(stream.tokens, count: count, length: length, weights, context)
    let mean = losses.reduce(0.0) { $0 + Double($1) } / Double(count)
    try context.log("\(count) tokens, mean loss \(mean)")
    let output = try FileOutput(context.path(of: "losses"))
    try SafetensorsWriter([("losses", .float32, [count])]).write(
      { _, emit in try losses.withUnsafeBytes(emit) }, to: { try output.write($0) })
    let summary: JSON = [
      "tokens": .integer(Int64(count)), "context": .integer(Int64(length)), "mean_loss": .number(mean),
    ]
    try context.write(Array(summary.pretty.utf8) + [UInt8(ascii: "\n")], to: "summary")
  }

  /// The stream is cut in windows that follow each other; the last one may be shorter.
  private static func losses(
    _ tokens: [UInt32], count: Int, length: Int, _ weights: Parameters, _ context: OperationContext
  ) throws -> [Float] {
    let transformer = Transformer(weights.model, threads: .all)
    var losses: [Float] = []
    losses.reserveCapacity(count)
    while losses.count < count {
      try context.checkCancellation()
      let left = count - losses.count
      let sequences = max(1, min(left, tokensOfPass) / length)
      let range = losses.count..<losses.count + min(left, sequences * length)
      losses += try transformer.losses(
        of: TokenBatch(
          sequences: sequences, length: range.count / sequences, inputs: tokens[range].map(Int32.init),
          targets: tokens[range.lowerBound + 1..<range.upperBound + 1].map(Int32.init)),
        weights: weights)
      context.progress(Double(losses.count) / Double(count), "\(losses.count) tokens")
    }
    return losses
  }
}
