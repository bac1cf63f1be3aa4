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

  static func lying(_ name: String, _ what: String) -> Failure {
    Failure(.remote, "\(name) \(what)", hint: "nothing of it was kept; ask who keeps that place")
  }

  static func refused(
    _ name: String, _ what: String, hint: String? = nil, cause: (any Error)? = nil
  ) -> Failure {
    Failure(.remote, "\(name) \(what)", hint: hint, cause: cause)
  }

  /// The cause where a place does not let this user have something.
  struct Forbidden: Error {}
}
