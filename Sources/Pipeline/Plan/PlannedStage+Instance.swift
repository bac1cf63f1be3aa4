import Actions
import JSON

extension PlannedStage {
  /// An instance whose inputs are known.
  func instance(_ draft: Draft, inputs: [StageInstance.Input]) throws(PipelineError) -> StageInstance {
    let work: StageInstance.Work
    var outputs = self.outputs
    switch self.work {
    case .operation(let operation, _):
      guard let parameters = draft.parameters else { preconditionFailure("an operation has parameters") }
      work = .operation(operation, parameters)
    case .command(let command):
      let shell = try command.command(draft.bindings)
      try checkStandardInput(shell, among: inputs)
      work = .command(shell)
      if let files { outputs = try files.declarations(draft.bindings) }
    case .none: preconditionFailure("a stage that something is wrong with has no instances")
    }
    return StageInstance(
      stage: name, keys: draft.keys, name: draft.name, work: work, inputs: inputs, outputs: outputs,
      publish: try publishRules(draft, outputs), resources: try resources.resources(draft.bindings),
      position: declaration.position)
  }

  /// What a command reads on its standard input is one file.
  private func checkStandardInput(
    _ command: ShellCommand, among inputs: [StageInstance.Input]
  ) throws(PipelineError) {
    guard let stdin = command.stdin, let input = inputs.first(where: { $0.path == stdin }) else { return }
    switch input.source {
    case .file, .artefact, .output: return
    case .members, .collection:
      throw PipelineError(
        "the standard input is one file, and '\(input.name)' is several", at: declaration.position,
        facts: [("stage", name)], hint: "the command can read them one after another: cat ${\(stdin)} | …")
    }
  }

  // MARK: Publishing

  private func publishRules(
    _ draft: Draft, _ outputs: [OutputDeclaration]
  ) throws(PipelineError) -> [PublishRule] {
    guard let node = publish else { return [] }
    let value = try node.value(draft.bindings)
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
    _ draft: Draft, at position: Position
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
