/// What an action is cannot be told without executing something, which nobody does but a run.
struct UnknownIdentity: Error {
  /// A sentence without a full stop.
  let reason: String
  /// Whether it takes but the version of a program.
  var isVersion = false
  /// Whether it takes but a question to a Python that is the user's, or that brake has put there: nothing of the pipeline is executed, and
  /// nothing made.
  var isQuestionToPython = false
  /// Finds it out. Afterwards it is known.
  ///
  /// - Parameter tell: called with what takes long, for people.
  let findOut: @Sendable (_ tell: @Sendable (String) -> Void) async throws -> Void
}
