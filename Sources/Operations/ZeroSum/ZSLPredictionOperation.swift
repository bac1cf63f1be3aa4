internal import Actions
internal import Compute
internal import JSON

/// `zsl.prediction`
struct ZSLPredictionOperation: Operation {
  static let batch = Parameter(
    "batch", default: 1, in: 1...1000,
    help: "of the updates, from 1: the one whose changes of parameters zsl.gradients was given")
  static let bins = Parameter(
    "bins", default: 20, in: 1...1000, help: "of equally many tokens, by their predicted changes")

  let name = "zsl.prediction"
  let revision = 2
  let summary = "Compares what an update changes each token's loss by with what its gradient predicts."
  let inputs = [
    InputDeclaration("gradients", help: "the output 'tokens' of zsl.gradients, with changes of parameters"),
    InputDeclaration(
      "losses", help: "the output 'losses' of zsl.step from the same checkpoint, on the same sequences"),
  ]
  let parameters: [any ParameterDeclaration] = [ZSLParameters.run, ZSLParameters.step, batch, bins]
  let outputs = [
    OutputDeclaration(
      "result", file: "prediction.json",
      help:
        "over tokens, of measured changes with those predicted to first order: correlation, rank correlation, slope, share "
        + "of signs that are right, root mean square of what first order misses; D, M and the mean of both; and their means "
        + "in bins of the predicted change")
  ]

  func run(_ context: OperationContext) async throws {
    let prediction = try LossPrediction(
      gradients: context.input("gradients").bytes(limit: TextInput.limit),
      losses: context.input("losses").bytes(limit: TextInput.limit), batch: context[Self.batch])
    var members = prediction.summary(bins: context[Self.bins])
    members["run"] = .string(context[ZSLParameters.run])
    members["step"] = .integer(Int64(context[ZSLParameters.step]))
    members["batch"] = .integer(Int64(context[Self.batch]))
    members["tokens"] = .integer(Int64(prediction.measured.count))
    try context.log(
      "\(prediction.measured.count) tokens, correlation \(members["correlation"]?.canonical ?? "null"), "
        + "slope \(members["slope"]?.canonical ?? "null")")
    try context.write(Array(JSON.object(members).pretty.utf8) + [UInt8(ascii: "\n")], to: "result")
  }
}
