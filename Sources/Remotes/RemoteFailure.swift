import Artefacts
public import System

extension Failure.Code {
  /// Another place does not answer, refuses, or does not tell the truth.
  public static let remote = Self("remote")
}

/// What is told of other places: which one it is, and what it did.
enum RemoteFailure {
  static func unreachable(
    _ name: String, _ what: String, hint: String? = nil, cause: (any Error)? = nil
  ) -> Failure {
    Failure(
      .remote, "\(name) cannot be reached: \(what)",
      hint: hint ?? "check the address and the network, and try again", cause: cause)
  }

  static func lying(_ name: String, _ what: String, cause: (any Error)? = nil) -> Failure {
    Failure(
      .remote, "\(name) \(what)", hint: "nothing of it was kept; ask who keeps that place", cause: cause)
  }

  /// The same, of one object alone: the place has it, and not as it should be.
  static func damaged(_ name: String, _ what: String) -> Failure { lying(name, what, cause: Damage()) }

  static func refused(
    _ name: String, _ what: String, hint: String? = nil, cause: (any Error)? = nil
  ) -> Failure {
    Failure(.remote, "\(name) \(what)", hint: hint, cause: cause)
  }

  /// The cause where a place has something else than the object that it is asked for.
  struct Damage: Error {}

  /// The cause where a place does not let this user have something.
  struct Forbidden: Error {}
}

extension Failure {
  /// Whether another place has answered that it does not have an object, or has answered with something else.
  public var meansPlaceLacksObject: Bool {
    code == .notFound || code == .damaged || cause is RemoteFailure.Damage
  }
}
