import Actions

/// A stage with its operation looked up and its expressions read, checked as far as it can be before it is expanded. (A
/// class only because it is passed around often and large.)
final class PlannedStage {
  enum Work {
    case operation(any Operation, OpenParameters)
    case command(OpenCommand)
    /// Of a stage that something is wrong with.
    case none
  }

  struct Variable {
    let name: String
    let domain: OpenValue
  }

  let declaration: StageDeclaration
  let names: StageNames
  let namespace: Namespace
  let work: Work
  /// Of a command, files may still hold expressions.
  let outputs: [OutputDeclaration]
  /// As `FanOut.steps`.
  let steps: [[Variable]]
  let inputs: [OpenInput]
  /// Of a command.
  let files: OpenOutputs?
  let publish: OpenValue?
  let resources: OpenResources
  /// Whether something is wrong with it that is known already.
  let isFaulty: Bool

  var name: String { declaration.name }
  var variables: [String] { names.variables }

  /// - Parameter faults: what is wrong with this stage alone.
  init(
    _ declaration: StageDeclaration, in namespace: Namespace, registry: OperationRegistry, faults: Faults
  ) throws(PipelineError) {
    self.declaration = declaration
    self.namespace = namespace
    let names = StageNames(
      scope: namespace.scope, variables: declaration.fanOut.variables.map(\.name))
    self.names = names
    steps = try declaration.fanOut.steps.map { (step) throws(PipelineError) in
      try step.variables.map { (entry) throws(PipelineError) in
        Variable(name: entry.name, domain: try OpenValue(entry.value, names))
      }
    }
    switch declaration.work {
    case .command(let command):
      let outputs = try command.outputs.map { (entry) throws(PipelineError) in
        try PlannedStage.declaration(of: entry)
      }
      self.outputs = outputs
      let work = try faults.attempt { () throws(PipelineError) in
        try OpenCommand(command, of: declaration.name, names, faults)
      }
      self.work = work.map(Work.command) ?? Work.none
      files = try faults.attempt { () throws(PipelineError) in
        try OpenOutputs(command.outputs, outputs, names)
      }
    case .operation(let name, let parameters):
      guard let text = name.text, let operation = registry[text] else {
        throw PlannedStage.unknown(name, of: declaration, registry)
      }
      try PlannedStage.check(
        parameters, "parameter", operation.parameters.map(\.name), operation, declaration, faults)
      try PlannedStage.check(
        declaration.inputs, "input", operation.inputs.map(\.name), operation, declaration, faults)
      try PlannedStage.checkNeeded(operation, declaration, faults)
      outputs = operation.outputs
      let values = try faults.attempt { () throws(PipelineError) in
        try OpenParameters(parameters, of: operation, declaration, names, faults)
      }
      work = values.map { Work.operation(operation, $0) } ?? Work.none
      files = nil
    }
    let inputs = try declaration.inputs.map { (entry) throws(PipelineError) in
      try faults.attempt { () throws(PipelineError) in try OpenInput(entry, names, namespace) }
    }
    self.inputs = inputs.compactMap { $0 }
    publish =
      try declaration.publish.map { (node) throws(PipelineError) in
        try faults.attempt { () throws(PipelineError) in try PlannedStage.publish(node, names) }
      } ?? nil
    resources = try OpenResources(declaration, names, faults)
    isFaulty = declaration.isFaulty || !faults.errors.isEmpty
  }

  /// What `publish:` says, with the paths checked that are the same for all instances.
  private static func publish(_ node: PipelineNode, _ names: StageNames) throws(PipelineError) -> OpenValue {
    let value = try OpenValue(node, names)
    for place in value.fixed.map({ [$0] + ($0.mapping ?? []).map(\.value) }) ?? [] {
      if let text = place.text { _ = try RelativePath(text, what: "published", at: place.position) }
    }
    return value
  }

  /// A stage that something is wrong with: others can name it, and wait for it.
  init(faulty declaration: StageDeclaration, in namespace: Namespace) {
    self.declaration = declaration
    self.namespace = namespace
    isFaulty = true
    names = StageNames(scope: namespace.scope, variables: declaration.fanOut.variables.map(\.name))
    work = .none
    outputs = []
    steps = []
    inputs = []
    files = nil
    publish = nil
    resources = OpenResources()
  }

  /// The outputs whose members others may read before the stage has ended.
  var eager: [String] { if case .command(let command) = work { command.eager } else { [] } }

  /// What waits for a stage that something is wrong with waits for this.
  var fault: KeyedOutput { KeyedOutput(instance: name, output: "") }

  /// How many artefacts an input takes; nil for a command's, which take what they are given.
  func cardinality(of input: String) -> InputDeclaration.Cardinality? {
    guard case .operation(let operation, _) = work else { return nil }
    return operation.inputs.first { $0.name == input }?.cardinality
  }

  /// The operation's parameters under one assignment of the variables; nil for a command.
  func parameters(_ bindings: [Binding]) throws(PipelineError) -> ParameterValues? {
    guard case .operation(_, let parameters) = work else { return nil }
    return try parameters.values(bindings)
  }

  // MARK: Chains

  /// What an instance reads of the one before it, if both are links of one chain.
  func inputs(of draft: Draft, behind before: Draft) -> [StageInstance.Input] {
    guard declaration.fanOut.isChain, case .command(let command) = work,
      draft.keys.dropLast() == before.keys.dropLast()
    else { return [] }
    return outputs.filter { command.carried.contains($0.name) }.map { output in
      StageInstance.Input(
        name: Expression.previous + output.name,
        source: output.keyed
          ? .members(instance: before.name, output: output.name)
          : .output(instance: before.name, output: output.name, key: nil))
    }
  }

  // MARK: Variables

  /// The stages whose keyed outputs its variables run over.
  var domainStages: Set<Int> {
    var stages: Set<Int> = []
    for value in steps.joined().lazy.flatMap(\.domain.sources) {
      if let name = value.leadingName, let stage = namespace.stages[name] { stages.insert(stage) }
    }
    return stages
  }

  // MARK: Checks

  private static func declaration(of entry: PipelineNode.Entry) throws(PipelineError) -> OutputDeclaration {
    guard let file = entry.value.text else {
      throw PipelineError(
        "the output '\(entry.name)' takes a file name, not \(entry.value.kind)", at: entry.value.position)
    }
    return OutputDeclaration(
      entry.name, file: file, keyed: file.hasSuffix("/") || file.contains("*"), help: "")
  }

  private static func unknown(
    _ name: PipelineNode, of declaration: StageDeclaration, _ registry: OperationRegistry
  ) -> PipelineError {
    let (text, names) = (name.text ?? "", registry.operations.map(\.name))
    let family = names.filter { $0.hasPrefix(text + ".") }
    let hint =
      family.isEmpty
      ? Suggestion.nearest(to: text, among: names).map { "did you mean '\($0)'?" }
      : "there is: \(Suggestion.list(family))"
    return PipelineError(
      "there is no operation \(name.kind)", at: name.position, facts: [("stage", declaration.name)],
      hint: hint ?? "brake operations lists them all")
  }

  private static func check(
    _ entries: [PipelineNode.Entry], _ what: String, _ names: [String], _ operation: any Operation,
    _ declaration: StageDeclaration, _ faults: Faults
  ) throws(PipelineError) {
    for entry in entries where !names.contains(entry.name) {
      try faults.take(
        PipelineError(
          "\(operation.name) has no \(what) '\(entry.name)'", at: entry.position,
          facts: [("stage", declaration.name)],
          hint: Suggestion.hint(for: entry.name, among: names) ?? "it takes no \(what)s"))
    }
  }

  private static func checkNeeded(
    _ operation: any Operation, _ declaration: StageDeclaration, _ faults: Faults
  ) throws(PipelineError) {
    if declaration.unread.contains(.in) { return }
    for input in operation.inputs where input.cardinality == .one {
      if declaration.inputs.contains(where: { $0.name == input.name }) { continue }
      try faults.take(
        PipelineError(
          "the input '\(input.name)' is missing", at: declaration.position,
          facts: [("stage", declaration.name), ("operation", operation.name)],
          hint: "in: { \(input.name): ... }, \(input.help)"))
    }
  }

  /// The output that a reference means.
  func output(of reference: Reference, at position: Position) throws(PipelineError) -> OutputDeclaration {
    if let name = reference.output {
      guard let output = outputs.first(where: { $0.name == name }) else {
        throw PipelineError(
          "the stage '\(self.name)' has no output '\(name)'", at: position,
          hint: (Suggestion.hint(for: name, among: outputs.map(\.name)).map { "\($0); " } ?? "")
            + "if you mean the file, write ./\(reference.stage).\(name)")
      }
      return output
    }
    guard outputs.count == 1 else {
      throw PipelineError(
        "the stage '\(name)' has \(outputs.isEmpty ? "no outputs" : "\(outputs.count) outputs"); one must be named",
        at: position,
        hint: outputs.isEmpty
          ? "declare them under out:"
          : "there is: \(outputs.map { "\(reference.stage).\($0.name)" }.joined(separator: ", "))")
    }
    return outputs[0]
  }
}

/// The stages of one file as its stages name them.
final class Namespace {
  /// The file's parameters.
  let scope: ExpressionScope
  /// Numbers of stages in the plan.
  var stages: [String: Int] = [:]

  init(scope: ExpressionScope) { self.scope = scope }
}
