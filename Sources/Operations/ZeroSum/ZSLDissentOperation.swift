internal import Actions
internal import Artefacts
internal import Compute
internal import JSON

/// `zsl.dissent`
struct ZSLDissentOperation: Operation {
  static let total = Parameter(
    "total", default: 0.99, in: 0...1, help: "a dissent from here on counts as total")

  let name = "zsl.dissent"
  let revision = 6
  let summary =
    "Measures for each token how attraction to the target and repulsion from other tokens oppose each other."
  let inputs = [
    InputDeclaration("checkpoint", help: "a member of the output 'checkpoints' of lm.train"),
    InputDeclaration("tokens", help: "tokens as text.tokenise writes them"),
  ]
  let parameters: [any ParameterDeclaration] = [
    ZSLParameters.run, ZSLParameters.step, LMWindows.context, LMWindows.limit, total,
    ZSLParameters.resamples, ZSLParameters.seed,
  ]
  let outputs = [
    OutputDeclaration(
      "tokens", file: "dissent.safetensors",
      help:
        "of each token but the first, at the final hidden state: 'attraction', 'repulsion' and 'gradient' (norms of both "
        + "and of their sum), 'dissent' (minus the cosine between them), 'p_target'; float32"),
    OutputDeclaration(
      "result", file: "dissent.json",
      help:
        "their means, the share of tokens of total dissent, and both by position in the window and by frequency in the "
        + "stream"),
  ]

  func run(_ context: OperationContext) async throws {
    let weights = try LMCheckpoint(context.input("checkpoint")).weights
    let stream = try TokenStream(parsing: context.input("tokens").bytes(limit: TextInput.limit))
    let windows = try LMWindows(
      stream, limit: context[LMWindows.limit], length: context[LMWindows.context], model: weights.model)
    let transformer = Transformer(weights.model, threads: Threads(of: context))
    let measure = DissentMeasurement(weights.model, threads: Threads(of: context))
    var tokens: [DissentMeasurement.Token] = []
    tokens.reserveCapacity(windows.count)
    try windows.forEach(context) { batch in
      tokens += measure.tokens(
        states: try transformer.finalStates(of: batch, weights: weights), targets: batch.targets,
        weights: weights)
      context.progress(Double(tokens.count) / Double(windows.count), "\(tokens.count) tokens")
    }
    let dissent = try TokenDissent(
      run: context[ZSLParameters.run], step: context[ZSLParameters.step], context: windows.length,
      stream: context.input("tokens").digest.description, tokens: tokens)
    let summary = try dissent.summary(
      stream: stream.tokens, vocabulary: stream.vocabularySize, total: context[Self.total],
      bootstrap: try ZSLParameters.bootstrap(context, sequences: dissent.sequences.count))
    let output = try FileOutput(context.path(of: "tokens"))
    try dissent.write { try output.write($0) }
    try context.write(Array(summary.pretty.utf8) + [UInt8(ascii: "\n")], to: "result")
  }
}
