public import JSON
public import System

/// What a result of `zsl.dissent` says of all tokens: means, and the share of tokens of total dissent.
public struct DissentResult: Sendable, Hashable {
  public let run: String
  public let step: Int
  public let dissent, total, attraction, repulsion, gradient: Double
  /// From which dissent on it counts as total; nil where a result does not say so.
  public let totalFrom: Double?
  public let dissentInterval: BootstrapIntervals.Interval?

  public init(json: JSON) throws(Failure) {
    run = try json.text("run")
    step = try json.whole("step")
    dissent = try json.number("dissent")
    total = try json.number("total")
    totalFrom = try json.optionalNumber("total_from")
    attraction = try json.number("attraction")
    repulsion = try json.number("repulsion")
    gradient = try json.number("gradient")
    dissentInterval = try json.optionalInterval("dissent_interval")
  }
}
