internal import Actions
internal import Compute
internal import JSON

/// `zsl.alignment`
struct ZSLAlignmentOperation: Operation {
  static let sequences = Parameter(
    "sequences", default: 8, in: 2...1024,
    help:
      "that are drawn from the stream, as a training draws them; cosines with a mean grow with them, so compare at equal numbers"
  )
  static let samples = Parameter(
    "samples", default: 0, unit: "tokens", in: 0...1 << 30,
    help:
      "whose own gradients are followed, at least 16 of them, each with a backward pass; 0 for those of all tokens"
  )
  static let seed = Parameter("seed", default: 1, in: 0..., help: "of the sample")

  let name = "zsl.alignment"
  let revision = 2
  let summary = "Measures how far the gradients of sequences and of tokens point the same way, in each layer."
  let inputs = [
    InputDeclaration("checkpoint", help: "a member of the output 'checkpoints' of lm.train"),
    InputDeclaration("tokens", help: "the tokens that were trained on, or others"),
  ]
  let parameters: [any ParameterDeclaration] = [
    ZSLParameters.run, ZSLParameters.step, sequences, samples, seed, LMWindows.context, LMParameters.dataSeed,
  ]
  let outputs = [
    OutputDeclaration(
      "result", file: "alignment.json",
      help:
        "of the embedding, attention and feed-forward part of each layer, the output, and the model with and without "
        + "embeddings: mean cosines of the gradients of sequences with each other ('sequence_pairs') and with the mean of the "
        + "others ('sequence_mean'), of tokens with those of other sequences ('token_pairs') and of their own "
        + "('token_pairs_within') and with the mean of the other sequences ('token_mean'), each 0 by chance, with 95 % "
        + "intervals over sequences; gradient diversity and gradient noise scale, in sequences. A tied embedding counts as two"
    )
  ]

  func run(_ context: OperationContext) async throws {
    let weights = try LMCheckpoint(context.input("checkpoint")).weights
    let stream = try TokenStream(parsing: context.input("tokens").bytes(limit: TextInput.limit)).tokens
    let length = context[LMWindows.context] > 0 ? context[LMWindows.context] : weights.model.context
    let batches = try Batches(
      seed: UInt64(context[LMParameters.dataSeed]), context: length, count: stream.count)
    let batch = try batches.tokens(
      of: stream, step: context[ZSLParameters.step], rows: 0..<context[Self.sequences])
    let alignment = try GradientAlignment(
      of: batch, weights: weights, run: context[ZSLParameters.run], step: context[ZSLParameters.step],
      samples: context[Self.samples], seed: UInt64(context[Self.seed]), threads: Threads(of: context)
    ) { done in
      try context.checkCancellation()
      context.progress(done, "\(batch.sequences) sequences")
    }
    try context.write(Array(alignment.json.pretty.utf8) + [UInt8(ascii: "\n")], to: "result")
  }
}
