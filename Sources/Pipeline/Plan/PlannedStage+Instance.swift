import JSON

extension PlannedStage {
  /// An instance whose inputs are known.
  func instance(
    _ draft: InstanceExpansion.Draft, inputs: [StageInstance.Input]
  ) throws(PipelineError) -> StageInstance {
    let work: StageInstance.Work
    let outputs: [OutputDeclaration]
    switch self.work {
    case .operation(let operation, _):
      guard let parameters = draft.parameters else {
        throw PipelineError("'\(draft.name)' has no parameters", at: declaration.position)
      }
      work = .operation(operation, parameters)
      outputs = self.outputs
    case .command(let command):
      work = .command(try shellCommand(command, draft.scope))
      outputs = try files(command, draft.scope)
    }
    return StageInstance(
      stage: name, keys: draft.keys, work: work, inputs: inputs, outputs: outputs,
      publish: try publishRules(draft, outputs), resources: try resources(draft.scope),
      position: declaration.position)
  }

  // MARK: Commands

  private func shellCommand(
    _ command: CommandDeclaration, _ scope: ExpressionScope
  ) throws(PipelineError) -> ShellCommand {
    var environment: [String: String] = [:]
    for entry in command.environment {
      environment[entry.name] = entry.value.isNull ? "" : try scope.text(entry.value)
    }
    var tools: [String: String?] = [:]
    for (name, version) in command.tools {
      // A shell runs it, too.
      let text = try version.map { (node) throws(PipelineError) in
        try scope.template(node, for: .bash).command { _ in [] }
      }
      tools.updateValue(text, forKey: name)
    }
    var shell = CommandShell.bash
    if let node = command.shell { shell = try CommandShell(scope.evaluate(node)) }
    return ShellCommand(
      template: try scope.template(command.script, for: shell), shell: shell, environment: environment,
      passed: command.passed, tools: tools, sandbox: command.sandbox,
      network: command.network, refusesUndeclared: command.refusesUndeclared)
  }

  private func files(
    _ command: CommandDeclaration, _ scope: ExpressionScope
  ) throws(PipelineError) -> [OutputDeclaration] {
    var files: [OutputDeclaration] = []
    for (output, entry) in zip(outputs, command.outputs) {
      let position = entry.value.position
      let text = try scope.text(entry.value)
      try check(text, of: output, at: position)
      let path = try RelativePath(text, what: "output", at: position)
      guard !path.isEmpty else {
        throw PipelineError("'\(text)' is the folder in which the command runs", at: position)
      }
      var file = path.text
      if text.hasSuffix("/") { file += "/" } else if output.keyed, !file.contains("/") { file = "./" + file }
      let declaration = OutputDeclaration(output.name, file: file, keyed: output.keyed, help: "")
      if let other = files.first(where: declaration.overlaps) {
        throw PipelineError(
          "the outputs '\(other.name)' and '\(output.name)' overlap: '\(other.file)' and '\(text)'",
          at: position)
      }
      files.append(declaration)
    }
    return files
  }

  /// Whether an output has members must be seen in the file itself.
  private func check(
    _ text: String, of output: OutputDeclaration, at position: Position
  ) throws(PipelineError) {
    let stars = text.count { $0 == "*" }
    guard output.file.count(where: { $0 == "*" }) == stars else {
      throw PipelineError("the '*' of a pattern must be written in out: itself", at: position)
    }
    guard (text.hasSuffix("/") || stars > 0) == output.keyed else {
      throw PipelineError("the '/' of a folder must be written in out: itself", at: position)
    }
    if stars == 0 { return }
    guard stars == 1, text[text.firstIndex(of: "*")!...].contains("/") == false else {
      throw PipelineError(
        "'\(text)' is no pattern: it has one '*', in its last part", at: position,
        hint: "as in ckpt/step-*.pt; what stands for the '*' is the member's key")
    }
  }

  // MARK: Publishing

  private func publishRules(
    _ draft: InstanceExpansion.Draft, _ outputs: [OutputDeclaration]
  ) throws(PipelineError) -> [PublishRule] {
    guard let node = declaration.publish else { return [] }
    let value = try draft.scope.evaluate(node)
    switch value.content {
    case .scalar(let text, let isPlain):
      if isPlain, value.json.bool == false { return [] }
      if outputs.isEmpty {
        throw PipelineError(
          "the stage '\(name)' has no outputs to publish", at: node.position, hint: "declare them under out:")
      }
      let place = isPlain && value.json.bool == true ? "results/" : text
      if !place.hasSuffix("/"), outputs.count != 1 {
        throw PipelineError(
          "'\(place)' is one path, and the stage '\(name)' has \(outputs.count) outputs", at: node.position,
          hint: "a folder is written '\(place)/', a path for each output {output: path}")
      }
      var rules: [PublishRule] = []
      for output in outputs { rules.append(try rule(output, of: outputs, place, draft, at: node.position)) }
      return rules
    case .mapping(let entries):
      var rules: [PublishRule] = []
      for entry in entries {
        guard let output = outputs.first(where: { $0.name == entry.name }) else {
          throw PipelineError(
            "the stage '\(name)' has no output '\(entry.name)'", at: entry.position,
            hint: Suggestion.hint(for: entry.name, among: outputs.map(\.name)))
        }
        guard let place = entry.value.text else {
          throw PipelineError("publish: takes a path, not \(entry.value.kind)", at: entry.value.position)
        }
        rules.append(try rule(output, of: outputs, place, draft, at: entry.value.position))
      }
      return rules
    case .list:
      throw PipelineError(
        "publish: takes true, a path, or a mapping from outputs to paths, not a list", at: node.position)
    }
  }

  private func rule(
    _ output: OutputDeclaration, of outputs: [OutputDeclaration], _ place: String,
    _ draft: InstanceExpansion.Draft, at position: Position
  ) throws(PipelineError) -> PublishRule {
    var text = place
    if place.hasSuffix("/") {
      if !draft.keys.isEmpty { text += draft.keys.joined(separator: ",") + "/" }
      text += output.publishedName(among: outputs)
    }
    let path = try RelativePath(text, what: "published", at: position)
    guard !path.isEmpty else { throw PipelineError("publish: takes a path", at: position) }
    return PublishRule(output: output.name, path: path.text)
  }
}

extension OutputDeclaration {
  /// What it is called inside a folder: its file name; of a keyed output, the name of the folder in which its members stand,
  /// unless they share that with other outputs.
  fileprivate func publishedName(among outputs: [OutputDeclaration]) -> String {
    let last = place.split(separator: "/").last ?? "."
    let isShared = outputs.contains { $0.name != name && $0.keyed && $0.place == place }
    return last == "." || isShared ? name : String(last)
  }
}
