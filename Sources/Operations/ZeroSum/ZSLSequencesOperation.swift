internal import Actions
internal import Compute
internal import JSON

/// `zsl.sequences`
struct ZSLSequencesOperation: Operation {
  let name = "zsl.sequences"
  let revision = 3
  let summary = "Measures how the gradients of whole sequences agree."
  let inputs = [
    InputDeclaration("checkpoint", help: "a member of the output 'checkpoints' of lm.train"),
    InputDeclaration("tokens", help: "the tokens that were trained on, or others"),
  ]
  let parameters: [any ParameterDeclaration] = [
    ZSLParameters.run, ZSLParameters.step, ZSLGradientsOperation.sequences, LMWindows.context,
    LMParameters.dataSeed,
  ]
  let outputs = [
    OutputDeclaration(
      "result", file: "sequences.json",
      help:
        "norms, cosines of all pairs, gradient diversity, gradient noise scale in sequences, D over sequences"
    )
  ]

  func run(_ context: OperationContext) async throws {
    let weights = try LMCheckpoint(context.input("checkpoint")).weights
    let stream = try TokenStream(parsing: context.input("tokens").bytes(limit: TextInput.limit)).tokens
    let length = context[LMWindows.context] > 0 ? context[LMWindows.context] : weights.model.context
    let batches = try Batches(
      seed: UInt64(context[LMParameters.dataSeed]), context: length, count: stream.count)
    let batch = try batches.tokens(
      of: stream, step: context[ZSLParameters.step], rows: 0..<context[ZSLGradientsOperation.sequences])
    var members =
      try SequenceGradientAgreement(of: batch, weights: weights, threads: Threads(of: context)).json.object
      ?? [:]
    members["run"] = .string(context[ZSLParameters.run])
    members["step"] = .integer(Int64(context[ZSLParameters.step]))
    try context.write(Array(JSON.object(members).pretty.utf8) + [UInt8(ascii: "\n")], to: "result")
  }
}
