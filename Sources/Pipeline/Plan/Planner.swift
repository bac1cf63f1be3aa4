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
    let faults = Faults()
    let scope = try file.scope(overrides: overrides)
    let namespace = Namespace(scope: scope)
    var stages: [PlannedStage] = []
    stages.reserveCapacity(file.stages.count)
    for declaration in file.stages {
      namespace.stages[declaration.name] = stages.count
      do {
        stages.append(try PlannedStage(declaration, in: namespace, registry: registry))
      } catch {
        try faults.take(error)
        stages.append(PlannedStage(faulty: declaration, in: namespace))
      }
    }

    var expansion = InstanceExpansion(stages: stages, keys: keys, faults: faults)
    try expansion.expand()
    var resolution = try SourceResolution(expansion)
    var instances: [StageInstance] = []
    var deferred: [DeferredStage] = []
    for stage in try resolution.order() {
      switch try resolution.resolve(stage) {
      case .instances(let new): instances += new
      case .deferred(let stage): deferred.append(stage)
      }
    }
    try PublishCheck().check(instances)
    var chains = ChainExpansion()
    instances = try chains.expand(instances)

    let defaults = try defaultTargets(file, scope) ?? resolution.unusedStages.map { stages[$0].name }
    let plan = Plan(
      instances: instances, deferred: deferred,
      parameters: scope.parameters.mapValues(\.json),
      defaults: defaults, fileNames: resolution.fileNames)
    try check(plan, file)
    return plan
  }

  private func defaultTargets(
    _ file: PipelineFile, _ scope: ExpressionScope
  ) throws(PipelineError) -> [String]? {
    if file.defaults.isEmpty { return nil }
    var targets: [String] = []
    for target in file.defaults { targets.append(try scope.text(target)) }
    return targets
  }

  /// A default target that does not exist is the file's mistake, and so has a position there.
  private func check(_ plan: Plan, _ file: PipelineFile) throws(PipelineError) {
    if file.defaults.isEmpty { return }
    let index = Plan.TargetIndex(plan)
    for (node, target) in zip(file.defaults, plan.defaults) {
      do {
        _ = try index.match(target)
      } catch {
        throw PipelineError(error.headline, at: node.position, facts: error.facts, hint: error.hint)
      }
    }
  }
}
