internal import Actions
internal import Artefacts
internal import Compute
internal import JSON
internal import System

/// `zsl.losses`
struct ZSLLossesOperation: Operation {
  static let from = Parameter("from", unit: "updates", in: 0...1 << 31, help: "before the first checkpoint")
  static let to = Parameter("to", unit: "updates", in: 0...1 << 31, help: "before the second checkpoint")

  let name = "zsl.losses"
  let revision = 7
  let summary = "Measures how far changes of the tokens' losses between two checkpoints cancel each other."
  let inputs = [
    InputDeclaration("before", help: "losses of the first checkpoint, as lm.losses writes them"),
    InputDeclaration("after", help: "losses of the second checkpoint on the same tokens"),
    InputDeclaration("tokens", help: "the token stream that both are of"),
  ]
  let parameters: [any ParameterDeclaration] = [
    ZSLParameters.run, from, to, ZSLParameters.resamples, ZSLParameters.seed,
  ]
  let outputs = [
    OutputDeclaration(
      "changes", file: "changes.safetensors",
      help: "'changes' (float32, nats): what the loss of each token has changed by"),
    OutputDeclaration(
      "result", file: "losses.json",
      help:
        "D, M and the change of the mean loss with 95 % intervals, quantiles of the changes, the share of tokens that "
        + "got worse, and all of it by position in the window and by frequency in the stream"),
  ]

  func run(_ context: OperationContext) async throws {
    let tokens = context.input("tokens")
    let stream = try TokenStream(parsing: tokens.bytes(limit: TextInput.limit))
    func losses(_ input: String) throws -> TokenLosses {
      let losses = try TokenLosses(parsing: context.input(input).bytes(limit: TextInput.limit))
      try losses.check(vocabulary: stream.vocabularySize)
      return losses
    }
    let changes = try LossChanges(
      run: context[ZSLParameters.run], from: (context[Self.from], losses("before")),
      to: (context[Self.to], losses("after")))
    guard changes.stream == tokens.digest.description else {
      throw Failure(
        .unusable, "the losses are of the stream \(changes.stream), not of \(tokens.digest)",
        hint: "give the stream that they were measured on")
    }
    let summary = try changes.summary(
      stream: stream.tokens, vocabulary: stream.vocabularySize,
      bootstrap: try ZSLParameters.bootstrap(context, sequences: changes.sequences.count))
    let interference = changes.interference
    try context.log(
      "D \(interference.destructive ?? .nan), M \(interference.magnitude), change \(interference.change)")
    let output = try FileOutput(context.path(of: "changes"))
    try changes.write { try output.write($0) }
    try context.write(Array(summary.pretty.utf8) + [UInt8(ascii: "\n")], to: "result")
  }
}
