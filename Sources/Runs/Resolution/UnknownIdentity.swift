/// What an action is cannot be told without executing something, which nobody does but a run.
struct UnknownIdentity: Error {
  /// A sentence without a full stop.
  let reason: String
  /// Finds it out. Afterwards it is known.
  ///
  /// - Parameter tell: called with what takes long, for people.
  let findOut: @Sendable (_ tell: @Sendable (String) -> Void) async throws -> Void
}
