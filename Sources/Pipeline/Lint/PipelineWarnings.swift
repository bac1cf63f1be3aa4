import Actions

/// What is probably not meant in a pipeline file that can be planned.
struct PipelineWarnings {
  private(set) var list: [PipelineError] = []
  private let file: PipelineFile

  /// - Parameter plan: nil if it is not all of the plan.
  init(_ file: PipelineFile, _ plan: Plan?) {
    self.file = file
    checkParameters(of: file)
    if let plan { checkStages(plan) }
    for stage in file.stages {
      checkVariables(of: stage)
      if case .command(let command) = stage.work { checkCommand(command, of: stage) }
    }
  }

  private mutating func warn(_ headline: String, at position: Position?, hint: String) {
    list.append(PipelineError(headline, at: position, hint: hint))
  }

  // MARK: Names

  /// Parameters that nothing uses.
  private mutating func checkParameters(of file: PipelineFile) {
    var used: Set<String> = []
    for entry in file.parameterEntries { used.formUnion(entry.value.names) }
    for include in file.includes {
      for entry in include.declaration.values { used.formUnion(entry.value.names) }
    }
    for stage in file.stages { used.formUnion(stage.names) }
    for target in file.defaults { used.formUnion(target.names) }
    for entry in file.parameterEntries where !used.contains(entry.name) {
      warn(
        "nothing uses the parameter '\(entry.name)'", at: entry.position,
        hint: "it stands for its value where ${\(entry.name)} is written")
    }
  }

  /// Variables on which nothing depends, so that instances are one action.
  private mutating func checkVariables(of stage: StageDeclaration) {
    let used = stage.work.names.union(stage.inputs.flatMap(\.value.names))
    let domains = Set(stage.fanOut.variables.flatMap(\.value.names))
    if stage.fanOut.isChain, !stage.readsPrevious {
      warn(
        "no link of the chain '\(stage.name)' reads the one before it", at: stage.position,
        hint: "${previous.NAME} is its output NAME; without that, for: says the same")
    }
    for variable in stage.fanOut.variables
    where !used.contains(variable.name) && !domains.contains(variable.name) && !stage.readsPrevious {
      warn(
        "nothing of the stage '\(stage.name)' depends on its variable '\(variable.name)'",
        at: variable.position, hint: "instances that differ in it alone are one action")
    }
  }

  // MARK: Stages

  /// Stages and outputs that a run without targets leaves alone.
  private mutating func checkStages(_ plan: Plan) {
    guard let selection = try? plan.selection([]) else { return }
    let needed = Set(selection.instances.map(\.stage) + selection.deferred.map(\.stage))
    let read = Set(
      plan.instances.flatMap { instance in
        instance.dependencies.map(PipelineWarnings.stage).filter { $0 != instance.stage }
      }
        + plan.deferred.flatMap(\.dependencies))
    let planned = Set(plan.instances.map(\.stage) + plan.deferred.map(\.stage))
    for stage in file.stages {
      if !planned.contains(stage.name) {
        warn(
          "the stage '\(stage.name)' has no instances", at: stage.position,
          hint: "its variables have no values, or where: and unless: leave none")
      } else if !needed.contains(stage.name), !read.contains(stage.name) {
        warn(
          "no other stage uses '\(stage.name)', and default: does not name it", at: stage.position,
          hint: "it runs only if it is asked for: brake \(stage.name)")
      }
    }
    if plan.deferred.isEmpty { checkOutputs(plan) }
  }

  /// Outputs of commands beside others that are used.
  private mutating func checkOutputs(_ plan: Plan) {
    var used: Set<KeyedOutput> = []
    func use(_ source: InputSource) {
      switch source {
      case .output(let instance, let output, _), .members(let instance, let output):
        used.insert(KeyedOutput(instance: PipelineWarnings.stage(instance), output: output))
      case .collection(let members): for member in members { use(member.source) }
      case .file, .artefact: break
      }
    }
    for instance in plan.instances {
      for input in instance.inputs { use(input.source) }
      for rule in instance.publish { used.insert(KeyedOutput(instance: instance.stage, output: rule.output)) }
    }
    for stage in file.stages {
      guard case .command(let command) = stage.work else { continue }
      let names = command.outputs.filter { used.contains(KeyedOutput(instance: stage.name, output: $0.name)) }
      if names.isEmpty { continue }
      // What grows is what the command itself goes on from.
      for entry in command.outputs
      where !used.contains(KeyedOutput(instance: stage.name, output: entry.name))
        && !command.growing.contains(entry.name)
      {
        warn(
          "no stage reads the output '\(entry.name)' of '\(stage.name)', and it is not published",
          at: entry.position, hint: "it is kept in the store: brake cat \(stage.name).\(entry.name)")
      }
    }
  }

  private static func stage(_ instance: String) -> String {
    String(instance.prefix { $0 != "[" && $0 != "@" })
  }

  // MARK: Commands

  private mutating func checkCommand(_ command: CommandDeclaration, of stage: StageDeclaration) {
    guard let text = command.script.text else { return }
    let words = Set(text.split { !($0.isLetter || $0.isNumber || "$_/-.".contains($0)) }.map(String.init))
    let fetching = ["curl", "wget", "pip", "pip3", "scp", "rsync"].filter(words.contains)
    if let program = fetching.first, !command.network, command.sandbox {
      warn(
        "the command of '\(stage.name)' calls '\(program)', and has no network", at: command.script.position,
        hint: "network: true gives it one; what it fetches is no part of the key")
    }
    let varying =
      ["$RANDOM", "$SRANDOM", "$EPOCHSECONDS", "/dev/urandom", "/dev/random", "uuidgen"]
      .filter(words.contains) + ["$(date", "`date"].filter(text.contains)
    if let source = varying.first {
      warn(
        "the command of '\(stage.name)' uses '\(source)', which is another one each time",
        at: command.script.position, hint: "the same inputs should give the same outputs")
    }
  }
}

// MARK: What is named

extension PipelineNode {
  /// The parameters and variables that its expressions name, without columns.
  fileprivate var names: Set<String> {
    switch content {
    case .list(let elements): return Set(elements.flatMap(\.names))
    case .mapping(let entries): return Set(entries.flatMap(\.value.names))
    case .scalar(let text, _):
      guard Expression.isNeeded(in: text), let parts = try? Expression(text, at: position).parts else {
        return []
      }
      return Set(
        parts.compactMap { if case .variable(let name) = $0 { Expression.variable(of: name) } else { nil } })
    }
  }
}

extension StageDeclaration.Work {
  /// Of what goes into the key.
  fileprivate var names: Set<String> {
    switch self {
    case .operation(_, let parameters): Set(parameters.flatMap(\.value.names))
    case .command(let command):
      command.script.names.union(command.shell?.names ?? [])
        .union(command.outputs.flatMap(\.value.names)).union(command.environment.flatMap(\.value.names))
        .union(command.tools.flatMap { $0.version?.names ?? [] })
        .union(command.python?.value.names ?? []).union(command.image?.value.names ?? [])
        .union(command.ending.filter { $0.field == .codes }.flatMap(\.value.names))
    }
  }
}

extension StageDeclaration.Work {
  /// Of what decides how a command ends.
  fileprivate var endingNames: [String] {
    if case .command(let command) = self { command.ending.flatMap(\.value.names) } else { [] }
  }
}

extension StageDeclaration {
  /// Whether its command names an output of the link before.
  fileprivate var readsPrevious: Bool {
    guard case .command(let command) = work else { return false }
    return command.script.text?.contains("${" + Expression.previous) == true
      || command.stdin.flatMap(Expression.carried) != nil
  }

  fileprivate var names: Set<String> {
    work.names.union(inputs.flatMap(\.value.names)).union(fanOut.variables.flatMap(\.value.names))
      .union(fanOut.conditions.flatMap(\.names).map(Expression.variable)).union(publish?.names ?? [])
      .union(resources.flatMap(\.value.names)).union(work.endingNames)
  }
}
