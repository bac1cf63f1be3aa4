public import Actions

/// A stage that cannot be expanded yet, because it runs over a keyed output of a stage that has not run, or uses one
/// that does.
public struct DeferredStage: Sendable {
  public let stage: String
  /// The keyed outputs whose keys are needed first.
  public let waitsFor: [KeyedOutput]
  public let position: Position
  /// Names of the stages it reads or runs over.
  public let dependencies: [String]

  public init(
    stage: String, waitsFor: [KeyedOutput], position: Position, dependencies: [String] = []
  ) {
    self.stage = stage
    self.waitsFor = waitsFor
    self.position = position
    self.dependencies = dependencies
  }
}
