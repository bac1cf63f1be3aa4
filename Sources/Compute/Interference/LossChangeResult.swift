public import JSON
public import System

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

  public init(json: JSON) throws(Failure) {
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
