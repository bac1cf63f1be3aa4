import Actions
public import JSON

/// A pipeline file with its parameters applied: every stage instance, what it reads and what it writes. A value; making
/// one touches neither the store nor the files that stages read.
public struct Plan: Sendable {
  /// In an order in which each stands behind all it depends on; among equals, the file's order.
  public let instances: [StageInstance]
  /// Stages whose instances depend on keys that are not known yet.
  public let deferred: [DeferredStage]
  /// The parameters of the pipeline as they were applied.
  public let parameters: [String: JSON]
  /// Names of the `default:` targets; all stages that nothing else uses if the file names none.
  public let defaults: [String]
  /// The sources that name a stage, and would name a file if there were no such stage.
  let fileNames: [NamedSource]
  /// Of a plan that is made ahead: the instances that will read more than they do in it.
  let incomplete: Set<String>
  /// The stages whose variables have no values, or whose conditions leave none, and where they stand.
  let withoutInstances: [String: Position]

  public init(
    instances: [StageInstance], deferred: [DeferredStage], parameters: [String: JSON],
    defaults: [String]
  ) {
    self.init(
      instances: instances, deferred: deferred, parameters: parameters, defaults: defaults, fileNames: [])
  }

  init(
    instances: [StageInstance], deferred: [DeferredStage], parameters: [String: JSON],
    defaults: [String], fileNames: [NamedSource], incomplete: Set<String> = [],
    withoutInstances: [String: Position] = [:]
  ) {
    self.incomplete = incomplete
    self.withoutInstances = withoutInstances
    self.fileNames = fileNames
    self.instances = instances
    self.deferred = deferred
    self.parameters = parameters
    self.defaults = defaults
  }
}
