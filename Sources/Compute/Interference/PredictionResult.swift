public import JSON
public import System

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

  public init(json: JSON) throws(Failure) {
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
