internal import JSON
internal import System

/// D, M and the change of the mean loss, of some tokens.
public struct LossChange: Sendable, Hashable {
  /// D; nil where no loss has changed.
  public let destructive: Double?
  /// M, and the change of the mean loss, in nats a token.
  public let magnitude, change: Double

  init(json: JSON) throws(Failure) {
    destructive = try json.optionalNumber("D")
    magnitude = try json.number("M")
    change = try json.number("change")
  }
}
