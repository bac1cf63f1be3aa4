import Artefacts

/// A source as the file gives it, with its expressions replaced.
struct Source {
  enum Kind {
    case file(String)
    case artefact(Digest)
    case reference(Reference, stage: Int)
  }

  let kind: Kind
  let position: Position
  /// The text of a reference that could as well be the name of a file; nil of one with keys, and of other sources.
  var fileName: String?
}

/// An input of an instance as the file gives it.
struct SourceInput {
  let name: String
  let position: Position
  let sources: [Source]
  let isList: Bool

  /// The stages it refers to.
  var stages: [Int] {
    sources.compactMap { if case .reference(_, let stage) = $0.kind { stage } else { nil } }
  }
}

/// Second step of planning: reads the sources of all instances, and so finds which stage depends on which.
struct SourceParser {
  let expansion: InstanceExpansion

  /// The inputs of each instance of a stage, and the stages they refer to. Of a stage without instances yet, the inputs
  /// that do not depend on its variables.
  func inputs(of number: Int) throws(PipelineError) -> (inputs: [[SourceInput]], stages: Set<Int>) {
    let entries = expansion.stages[number].declaration.inputs
    var all: [[SourceInput]] = []
    var stages = expansion.dependencies[number]
    guard case .known(let drafts) = expansion.instances[number] else {
      return try waitingInputs(of: number, stages)
    }
    all.reserveCapacity(drafts.count)
    for draft in drafts {
      var inputs: [SourceInput] = []
      inputs.reserveCapacity(entries.count)
      for entry in entries {
        let input = try input(entry, draft.scope, of: number)
        stages.formUnion(input.stages)
        inputs.append(input)
      }
      all.append(inputs)
    }
    return (all, stages)
  }

  private func waitingInputs(
    of number: Int, _ stages: Set<Int>
  ) throws(PipelineError) -> (inputs: [[SourceInput]], stages: Set<Int>) {
    let stage = expansion.stages[number]
    var inputs: [SourceInput] = []
    var stages = stages
    for entry in stage.declaration.inputs {
      guard entry.value.uses(stage.variables) else {
        let input = try input(entry, expansion.scope, of: number)
        stages.formUnion(input.stages)
        inputs.append(input)
        continue
      }
      for node in entry.value.list ?? [entry.value] {
        if let name = try expansion.leadingName(node, of: stage), let used = expansion.stageNumbers[name] {
          stages.insert(used)
        }
      }
    }
    return ([inputs], stages)
  }

  private func input(
    _ entry: PipelineNode.Entry, _ scope: ExpressionScope, of stage: Int
  ) throws(PipelineError) -> SourceInput {
    let value = try scope.evaluate(entry.value)
    var sources: [Source] = []
    for node in value.list ?? [value] { sources.append(try source(node, of: entry.name, of: stage)) }
    return SourceInput(
      name: entry.name, position: entry.value.position, sources: sources, isList: value.list != nil)
  }

  private func source(
    _ node: PipelineNode, of input: String, of reader: Int
  ) throws(PipelineError) -> Source {
    guard let text = node.text, !node.isNull, !text.isEmpty else {
      throw PipelineError(
        "the input '\(input)' comes from \(node.text == "" ? "nothing" : node.kind)", at: node.position,
        hint: "a source is a file, a stage, or a list of such")
    }
    if let stage = expansion.stageNumbers[String(Reference.leadingName(of: text))],
      let reference = Reference(text)
    {
      let fileName = text.contains("[") ? nil : text
      if stage == reader {
        _ = try expansion.stages[stage].output(of: reference, at: node.position)
        throw PipelineError(
          "the stage '\(reference.stage)' depends on itself", at: node.position, facts: [("input", input)],
          hint: fileName.map { "if you mean the file, write ./\($0)" }
            ?? "a stage cannot read another instance of itself")
      }
      return Source(
        kind: .reference(reference, stage: stage), position: node.position, fileName: fileName)
    }
    if text.hasPrefix("sha256:") {
      guard let digest = Digest(text) else {
        throw PipelineError(
          "'\(text.excerpt)' is no digest", at: node.position,
          hint: "sha256: and 64 hexadecimal digits; a file of that name is written ./\(text.excerpt)")
      }
      return Source(kind: .artefact(digest), position: node.position)
    }
    guard !text.utf8.contains(0), text.utf8.count < 4096 else {
      throw PipelineError("this cannot be the path of a file", at: node.position)
    }
    let path = text.hasPrefix("./") && text.utf8.count > 2 ? String(text.dropFirst(2)) : text
    return Source(kind: .file(path), position: node.position)
  }
}
