public import JSON

/// What a result of `zsl.losses` says in its first lines.
public struct LossChangeResult: Sendable, Hashable {
  public let run: String
  /// The updates that the checkpoints were made after.
  public let from, to: Int
  /// Of all tokens.
  public let tokens: Int
  /// D; nil where no loss has changed.
  public let destructive: Double?
  /// M, and the change of the mean loss, in nats a token.
  public let magnitude, change: Double
  /// The share of tokens whose loss went up.
  public let worse: Double
  public let destructiveInterval, magnitudeInterval, changeInterval: BootstrapIntervals.Interval?

  public init(json: JSON) throws(ComputeError) {
    run = try json.text("run")
    from = try json.whole("from")
    to = try json.whole("to")
    tokens = try json.whole("tokens")
    destructive = try json.optionalNumber("D")
    magnitude = try json.number("M")
    change = try json.number("change")
    worse = try json.number("worse")
    destructiveInterval = try json.optionalInterval("D_interval")
    magnitudeInterval = try json.optionalInterval("M_interval")
    changeInterval = try json.optionalInterval("change_interval")
  }
}

/// What a result of `zsl.step` says of all its batches.
public struct StepResult: Sendable, Hashable {
  public let run: String
  public let step: Int
  /// On the batch of the update, and on the evaluation stream.
  public let train, evaluation: InterferenceSpread

  public init(json: JSON) throws(ComputeError) {
    run = try json.text("run")
    step = try json.whole("step")
    train = try InterferenceSpread(json: json.member("train"))
    evaluation = try InterferenceSpread(json: json.member("evaluation"))
  }
}

/// What a result of `zsl.dissent` says of all tokens: means, and the share of tokens of total dissent.
public struct DissentResult: Sendable, Hashable {
  public let run: String
  public let step: Int
  public let dissent, total, attraction, repulsion, gradient: Double
  public let dissentInterval: BootstrapIntervals.Interval?

  public init(json: JSON) throws(ComputeError) {
    run = try json.text("run")
    step = try json.whole("step")
    dissent = try json.number("dissent")
    total = try json.number("total")
    attraction = try json.number("attraction")
    repulsion = try json.number("repulsion")
    gradient = try json.number("gradient")
    dissentInterval = try json.optionalInterval("dissent_interval")
  }
}

extension JSON {
  /// The ends of an interval, or nil for `null` or a member that is not there.
  func optionalInterval(_ name: String) throws(ComputeError) -> BootstrapIntervals.Interval? {
    guard let value = self[name], !value.isNull else { return nil }
    return try BootstrapIntervals.Interval(json: self, name)
  }
}
