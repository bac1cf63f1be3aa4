internal import Actions
internal import Artefacts
internal import Compute
internal import JSON

/// `lm.losses`
struct LMLossesOperation: Operation {
  let name = "lm.losses"
  let revision = 2
  let summary = "Measures a checkpoint's loss of each token of a stream."
  let inputs = [
    InputDeclaration("checkpoint", help: LMCheckpoint.help),
    InputDeclaration("tokens", help: "tokens as text.tokenise writes them"),
  ]
  let parameters: [any ParameterDeclaration] = [LMWindows.context, LMWindows.limit]
  let outputs = [
    OutputDeclaration(
      "losses", file: "losses.safetensors",
      help:
        "'losses' (float32, nats): of all tokens of the stream but its first, in order; the metadata say which stream in "
        + "which windows"),
    OutputDeclaration(
      "summary", file: "summary.json", help: "mean loss in nats a token, and how many tokens"),
  ]

  func run(_ context: OperationContext) async throws {
    let weights = try LMCheckpoint(context.input("checkpoint")).weights
    let stream = try TokenStream(parsing: context.input("tokens").bytes(limit: TextInput.limit))
    let windows = try LMWindows(
      stream, limit: context[LMWindows.limit], length: context[LMWindows.context], model: weights.model)
    let count = windows.count
    let transformer = Transformer(weights.model, threads: Threads(of: context))
    let values = try windows.losses(transformer, weights, context) { done in
      context.progress(Double(done) / Double(count), "\(done) tokens")
    }
    let losses = TokenLosses(
      values, context: windows.length, stream: context.input("tokens").digest.description)
    try context.log("\(count) tokens, mean loss \(losses.mean)")
    let output = try FileOutput(context.path(of: "losses"))
    try losses.write { try output.write($0) }
    let summary: JSON = [
      "tokens": .integer(Int64(count)), "context": .integer(Int64(windows.length)),
      "mean_loss": .number(losses.mean),
    ]
    try context.write(Array(summary.pretty.utf8) + [UInt8(ascii: "\n")], to: "summary")
  }
}
