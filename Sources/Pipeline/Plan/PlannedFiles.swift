import Actions

/// The stages of a pipeline file and of all that it includes, in one list.
struct PlannedFiles {
  let registry: OperationRegistry
  let faults: Faults
  private(set) var stages: [PlannedStage] = []

  init(registry: OperationRegistry, faults: Faults) {
    self.registry = registry
    self.faults = faults
  }

  /// Adds the stages of included files and then those of the file itself.
  ///
  /// - Parameters:
  ///   - scope: its parameters.
  ///   - prefix: what stands before the names of its stages.
  mutating func add(
    _ file: PipelineFile, _ scope: ExpressionScope, prefix: String
  ) throws(PipelineError) -> PlannedFile {
    let namespace = Namespace(scope: scope)
    var included: [PlannedFile] = []
    for include in file.includes {
      let values = try include.file.scope(including: include.declaration, in: scope)
      let inner = try add(include.file, values, prefix: prefix + include.declaration.prefix)
      for (name, number) in inner.namespace.stages {
        namespace.stages[include.declaration.prefix + name] = number
      }
      included.append(inner)
    }
    stages.reserveCapacity(stages.count + file.stages.count)
    var own: [Int] = []
    for declaration in file.stages {
      namespace.stages[declaration.name] = stages.count
      own.append(stages.count)
      var declaration = declaration
      if !prefix.isEmpty { declaration.name = prefix + declaration.name }
      stages.append(try stage(declaration, in: namespace))
    }
    return PlannedFile(file: file, prefix: prefix, namespace: namespace, included: included, stages: own)
  }

  private func stage(
    _ declaration: StageDeclaration, in namespace: Namespace
  ) throws(PipelineError) -> PlannedStage {
    if declaration.isUnread { return PlannedStage(faulty: declaration, in: namespace) }
    let own = Faults(collecting: faults.collects)
    let stage = try own.attempt { () throws(PipelineError) in
      try PlannedStage(declaration, in: namespace, registry: registry, faults: own)
    }
    // What was found when the file was read is not said again in other words.
    let noted = declaration.isFaulty ? Set(faults.errors.map(\.position)) : []
    for error in own.errors where !noted.contains(error.position) { try faults.take(error) }
    return stage ?? PlannedStage(faulty: declaration, in: namespace)
  }
}

/// A pipeline file whose stages have their places in the plan.
struct PlannedFile {
  struct Default {
    let target: String
    /// Of one that `default:` names.
    let position: Position?
  }

  let file: PipelineFile
  let prefix: String
  let namespace: Namespace
  let included: [PlannedFile]
  /// Its own stages.
  let stages: [Int]

  /// The targets of a run that names none: those that the file names; or else its stages that nothing uses; of a file that
  /// only includes others, the targets of these.
  ///
  /// - Parameter unused: stages that no other one reads.
  func defaults(unused: Set<Int>, of all: [PlannedStage]) throws(PipelineError) -> [Default] {
    if !file.defaults.isEmpty {
      var targets: [Default] = []
      for node in file.defaults {
        targets.append(
          Default(target: prefix + (try namespace.scope.text(node)), position: node.position))
      }
      return targets
    }
    if !stages.isEmpty {
      return stages.filter(unused.contains).map { Default(target: all[$0].name, position: nil) }
    }
    var targets: [Default] = []
    for file in included { targets += try file.defaults(unused: unused, of: all) }
    return targets
  }
}
