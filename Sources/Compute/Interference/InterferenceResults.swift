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

/// D, M and the change of the mean loss, of some tokens.
public struct LossChange: Sendable, Hashable {
  /// D; nil where no loss has changed.
  public let destructive: Double?
  /// M, and the change of the mean loss, in nats a token.
  public let magnitude, change: Double

  init(json: JSON) throws(ComputeError) {
    destructive = try json.optionalNumber("D")
    magnitude = try json.number("M")
    change = try json.number("change")
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

/// What a result of `zsl.gradients` says of a checkpoint.
public struct GradientResult: Sendable, Hashable {
  public let run: String
  public let step: Int
  /// D of the gradients without embeddings as the mean over coordinates, and what independent tokens would give.
  public let destructive, null: Double
  /// C_g, C_(u,g) and C_(u,G) without embeddings; nil where no change of the parameters was given.
  public let overTokens, overCoordinates, ofSum: Double?
  /// D of each layer.
  public let layers: [Double]

  public init(json: JSON) throws(ComputeError) {
    run = try json.text("run")
    step = try json.whole("step")
    let part = try json.member("model_without_embeddings")
    destructive = try part.number("D")
    null = try part.number("D_null")
    overTokens = try part.optionalNumber("C_g")
    overCoordinates = try part.optionalNumber("C_ug")
    ofSum = try part.optionalNumber("C_uG")
    var layers: [Double] = []
    for layer in try json.list("layers") { layers.append(try layer.number("D")) }
    self.layers = layers
  }
}

/// What a result of `zsl.prediction` says of an update.
public struct PredictionResult: Sendable, Hashable {
  /// Tokens whose predicted changes lie between two quantiles of them: the means of both changes, and the 10th and 90th
  /// percentile of the measured ones.
  public struct Bin: Sendable, Hashable {
    public let predicted, measured, lower, upper: Double
  }

  public let run: String
  public let step: Int
  public let predicted, measured: LossChange
  /// Over tokens; nil where the changes do not differ.
  public let correlation, slope: Double?
  /// What first order misses, in parts of the measured changes, both as root mean squares; nil where nothing changed.
  public let missed: Double?
  public let bins: [Bin]

  public init(json: JSON) throws(ComputeError) {
    run = try json.text("run")
    step = try json.whole("step")
    predicted = try LossChange(json: json.member("predicted"))
    measured = try LossChange(json: json.member("measured"))
    correlation = try json.optionalNumber("correlation")
    slope = try json.optionalNumber("slope")
    missed = try json.optionalNumber("missed")
    var bins: [Bin] = []
    for bin in try json.list("bins") {
      bins.append(
        Bin(
          predicted: try bin.number("predicted"), measured: try bin.number("measured"),
          lower: try bin.number("measured_10"), upper: try bin.number("measured_90")))
    }
    self.bins = bins
  }
}

extension JSON {
  /// The ends of an interval, or nil for `null` or a member that is not there.
  func optionalInterval(_ name: String) throws(ComputeError) -> BootstrapIntervals.Interval? {
    guard let value = self[name], !value.isNull else { return nil }
    return try BootstrapIntervals.Interval(json: self, name)
  }
}
