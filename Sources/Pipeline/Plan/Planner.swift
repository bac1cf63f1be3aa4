public import Actions
import JSON

/// Expands pipeline files into plans.
public struct Planner: Sendable {
  /// A plan has at most this many instances, and ten times as many inputs.
  public static let mostInstances = 1_000_000

  public let registry: OperationRegistry

  public init(registry: OperationRegistry) { self.registry = registry }

  /// Expands a pipeline into stage instances. Pure: neither the store nor the files that stages read are looked at.
  ///
  /// - Parameters:
  ///   - overrides: `NAME=VALUE` from the command line, each value as YAML text, typed by the parameter's default.
  ///   - keys: the keys of keyed outputs that are known because their stage has run.
  /// - Throws: the first thing that is wrong, with its position in the file.
  public func plan(
    _ file: PipelineFile, overrides: [(name: String, value: String)] = [],
    keys: [KeyedOutput: [String]] = [:]
  ) throws(PipelineError) -> Plan {
    try plan(file, overrides: overrides, keys: keys, faults: Faults())
  }

  /// The same with all that is wrong, if the faults are collected: stages that something is wrong with wait for ever.
  ///
  /// - Parameter growing: the members so far of outputs of stages that still run, for a plan that is made ahead.
  func plan(
    _ file: PipelineFile, overrides: [(name: String, value: String)], keys: [KeyedOutput: [String]],
    growing: [KeyedOutput: [String]]? = nil, faults: Faults
  ) throws(PipelineError) -> Plan {
    let scope = try file.scope(overrides: overrides)
    var files = PlannedFiles(registry: registry, faults: faults)
    let main = try files.add(file, scope, prefix: "")

    let expansion = InstanceExpansion(stages: files.stages, keys: keys, growing: growing, faults: faults)
    try expansion.expand()
    var resolution = try SourceResolution(expansion)
    var instances: [StageInstance] = []
    var deferred: [DeferredStage] = []
    var withoutInstances: [String: Position] = [:]
    for stage in try resolution.order() {
      switch try resolution.resolve(stage) {
      case .instances(let new) where new.isEmpty:
        withoutInstances[files.stages[stage].name] = files.stages[stage].declaration.position
      case .instances(let new): instances += new
      case .deferred(let stage): deferred.append(stage)
      }
    }
    var published = PublishCheck(instances)
    try published.check()
    var chains = ChainExpansion()
    instances = try chains.expand(instances)

    let defaults = try main.defaults(unused: Set(resolution.unusedStages), of: files.stages)
    let plan = Plan(
      instances: instances, deferred: deferred,
      parameters: scope.parameters.mapValues(\.json),
      defaults: defaults.map(\.target), fileNames: resolution.fileNames,
      incomplete: resolution.incomplete, withoutInstances: withoutInstances)
    try check(plan, defaults, faults)
    return plan
  }

  /// A default target that does not exist is the file's mistake, and so has a position there.
  private func check(
    _ plan: Plan, _ defaults: [PlannedFile.Default], _ faults: Faults
  ) throws(PipelineError) {
    let given = defaults.filter { $0.position != nil }
    if given.isEmpty { return }
    let index = Plan.TargetIndex(plan)
    for target in given {
      do {
        _ = try index.match(target.target)
      } catch {
        try faults.take(PipelineError(error.failure, at: target.position))
      }
    }
  }
}
