public import JSON
public import System

/// What a result of `zsl.step` says of all its batches.
public struct StepResult: Sendable, Hashable {
  public let run: String
  public let step: Int
  /// On the batch of the update, and on the evaluation stream.
  public let train, evaluation: InterferenceSpread

  public init(json: JSON) throws(Failure) {
    run = try json.text("run")
    step = try json.whole("step")
    train = try InterferenceSpread(json: json.member("train"))
    evaluation = try InterferenceSpread(json: json.member("evaluation"))
  }
}
