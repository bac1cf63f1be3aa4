import Artefacts

/// Second half of planning: what each instance reads.
struct SourceResolution {
  enum Planned {
    case instances([StageInstance])
    case deferred(DeferredStage)
  }

  /// A source as it is written, with its expressions replaced.
  private struct Source {
    enum Kind {
      case file(String)
      case artefact(Digest)
      case reference(Reference, stage: Int)
    }
    let kind: Kind
    let position: Position
  }

  private struct SourceInput {
    let name: String
    let position: Position
    let sources: [Source]
    let isList: Bool
  }

  private let expansion: InstanceExpansion
  /// Of each stage and each of its instances, the inputs.
  private var inputs: [[[SourceInput]]] = []
  private var dependencies: [Set<Int>]
  private var waits: [[KeyedOutput]?]
  private var collections: [Reference: [InputSource.Member]] = [:]
  private var members = 0

  init(_ expansion: InstanceExpansion) {
    self.expansion = expansion
    dependencies = expansion.dependencies
    waits = expansion.stages.map { _ in nil }
  }

  /// The stages that no other one reads.
  var unusedStages: [Int] {
    let used = dependencies.reduce(into: Set<Int>()) { $0.formUnion($1) }
    return expansion.stages.indices.filter { !used.contains($0) }
  }

  // MARK: Parsing

  /// Reads all sources, and so finds which stage depends on which.
  mutating func parse() throws(PipelineError) {
    inputs.reserveCapacity(expansion.stages.count)
    for (number, stage) in expansion.stages.enumerated() {
      var ofStage: [[SourceInput]] = []
      switch expansion.instances[number] {
      case .known(let drafts):
        for draft in drafts {
          var ofInstance: [SourceInput] = []
          for entry in stage.declaration.inputs {
            ofInstance.append(try input(entry, draft.scope, &dependencies[number]))
          }
          ofStage.append(ofInstance)
        }
      case .unknown:
        ofStage.append(try parseDeferred(number))
      }
      inputs.append(ofStage)
    }
  }

  /// The inputs that do not depend on variables without values; of the others, only the stages.
  private mutating func parseDeferred(_ number: Int) throws(PipelineError) -> [SourceInput] {
    let stage = expansion.stages[number]
    var parsed: [SourceInput] = []
    for entry in stage.declaration.inputs {
      if entry.value.uses(stage.variables) {
        for node in entry.value.list ?? [entry.value] {
          if let name = try expansion.leadingName(node, of: stage), let used = expansion.stageNumbers[name] {
            dependencies[number].insert(used)
          }
        }
      } else {
        parsed.append(try input(entry, expansion.scope, &dependencies[number]))
      }
    }
    return parsed
  }

  private func input(
    _ entry: PipelineNode.Entry, _ scope: ExpressionScope, _ dependencies: inout Set<Int>
  ) throws(PipelineError) -> SourceInput {
    let value = try scope.evaluate(entry.value)
    var sources: [Source] = []
    for node in value.list ?? [value] {
      let source = try source(node, of: entry.name)
      if case .reference(_, let stage) = source.kind { dependencies.insert(stage) }
      sources.append(source)
    }
    return SourceInput(
      name: entry.name, position: entry.value.position, sources: sources, isList: value.list != nil)
  }

  private func source(_ node: PipelineNode, of input: String) throws(PipelineError) -> Source {
    guard let text = node.text, !node.isNull, !text.isEmpty else {
      throw PipelineError(
        "the input '\(input)' comes from \(node.text == "" ? "nothing" : node.kind)", at: node.position,
        hint: "a source is a file, a stage, or a list of such")
    }
    if let stage = expansion.stageNumbers[String(Reference.leadingName(of: text))],
      let reference = Reference(text)
    {
      return Source(kind: .reference(reference, stage: stage), position: node.position)
    }
    if text.hasPrefix("sha256:") {
      guard let digest = Digest(text) else {
        throw PipelineError(
          "'\(text)' is no digest", at: node.position,
          hint: "sha256: and 64 hexadecimal digits; a file of that name is written ./\(text)")
      }
      return Source(kind: .artefact(digest), position: node.position)
    }
    guard !text.utf8.contains(0), text.utf8.count < 4096 else {
      throw PipelineError("this cannot be the path of a file", at: node.position)
    }
    let path = text.hasPrefix("./") && text.utf8.count > 2 ? String(text.dropFirst(2)) : text
    return Source(kind: .file(path), position: node.position)
  }

  func order() throws(PipelineError) -> [Int] {
    try PlanOrder(dependencies: dependencies).sorted(expansion.stages)
  }

  // MARK: Resolving

  /// The instances of a stage, all of whose dependencies have been resolved.
  mutating func resolve(_ number: Int) throws(PipelineError) -> Planned {
    let stage = expansion.stages[number]
    var waitsFor: [KeyedOutput] = []
    if case .unknown(let missing) = expansion.instances[number] { waitsFor = missing }
    for dependency in dependencies[number].sorted() {
      for output in waits[dependency] ?? [] where !waitsFor.contains(output) { waitsFor.append(output) }
    }
    let isDeferred = !waitsFor.isEmpty
    if isDeferred { waits[number] = waitsFor }

    guard case .known(let drafts) = expansion.instances[number], !isDeferred else {
      for input in inputs[number].joined() { try check(input) }
      return .deferred(
        DeferredStage(
          stage: stage.name, waitsFor: waitsFor, position: stage.declaration.position,
          dependencies: dependencies[number].sorted().map { expansion.stages[$0].name }))
    }
    var instances: [StageInstance] = []
    instances.reserveCapacity(drafts.count)
    for (draft, inputs) in zip(drafts, inputs[number]) {
      var resolved: [StageInstance.Input] = []
      resolved.reserveCapacity(inputs.count)
      for input in inputs {
        resolved.append(StageInstance.Input(name: input.name, source: try resolve(input, of: stage, draft)))
      }
      instances.append(try stage.instance(draft, inputs: resolved))
    }
    return .instances(instances)
  }

  /// What can be said of a deferred stage's inputs: that they name outputs that there are.
  private func check(_ input: SourceInput) throws(PipelineError) {
    for source in input.sources {
      guard case .reference(let reference, let number) = source.kind else { continue }
      _ = try expansion.stages[number].output(of: reference, at: source.position)
      if case .one(let keys) = reference.instances, case .known(let drafts) = expansion.instances[number] {
        _ = try expansion.place(keys, of: number, drafts, at: source.position)
      }
    }
  }

  private mutating func resolve(
    _ input: SourceInput, of stage: PlannedStage, _ draft: InstanceExpansion.Draft
  ) throws(PipelineError) -> InputSource {
    var found: [InputSource.Member] = []
    var isWhole = false
    for source in input.sources {
      let (members, isAll) = try members(source)
      isWhole = isWhole || isAll
      if found.isEmpty { found = members } else { found += members }
    }
    members += found.count
    if members > 10 * Planner.mostInstances {
      throw PipelineError(
        "the pipeline has more than \(10 * Planner.mostInstances) inputs", at: input.position)
    }
    if input.sources.count > 1 { try checkDuplicates(found, input) }

    var isKeyedOutput = false
    if found.count == 1, !isWhole, case .members = found[0].source { isKeyedOutput = true }
    switch stage.cardinality(of: input.name) {
    case .one, .optional:
      if found.count == 1 {
        if case .members(let instance, let output) = found[0].source {
          throw PipelineError(
            "the input '\(input.name)' takes one artefact; \(instance).\(output) has one for each of its keys",
            at: input.position, facts: [("stage", draft.name)],
            hint: "name one: \(instance).\(output)[KEY], or fan this stage out with for:")
        }
        return found[0].source
      }
      throw PipelineError(
        "the input '\(input.name)' takes one artefact and is given \(found.count)", at: input.position,
        facts: [("stage", draft.name)]
          + (found.isEmpty ? [] : [("given", Suggestion.list(found.map(\.key)))]),
        hint: "name one of the instances, or fan this stage out with for:")
    case .many:
      return isKeyedOutput ? found[0].source : .collection(found)
    case nil:
      let isOne = found.count == 1 && !isWhole && !input.isList
      return isOne || isKeyedOutput ? found[0].source : .collection(found)
    }
  }

  private func checkDuplicates(_ members: [InputSource.Member], _ input: SourceInput) throws(PipelineError) {
    var seen: Set<String> = []
    for member in members {
      if !seen.insert(member.key).inserted {
        throw PipelineError(
          "two artefacts of the input '\(input.name)' have the key '\(member.key)'", at: input.position,
          hint: "give them to two inputs, or give one of the files another name")
      }
    }
  }

  /// What a source stands for, and whether it is all instances of a stage with variables.
  private mutating func members(
    _ source: Source
  ) throws(PipelineError) -> (members: [InputSource.Member], isWhole: Bool) {
    switch source.kind {
    case .file(let path):
      let name = String(path.split(separator: "/").last { $0 != "." } ?? "files")
      return ([InputSource.Member(key: name, source: .file(path))], false)
    case .artefact(let digest):
      return ([InputSource.Member(key: digest.short, source: .artefact(digest))], false)
    case .reference(let reference, let number):
      if let known = collections[reference] { return (known, true) }
      let stage = expansion.stages[number]
      let output = try stage.output(of: reference, at: source.position)
      if reference.member != nil, !output.keyed {
        throw PipelineError(
          "the output '\(output.name)' of '\(stage.name)' is one artefact and has no members",
          at: source.position)
      }
      guard case .known(let drafts) = expansion.instances[number] else { return ([], true) }
      if case .one(let keys) = reference.instances {
        let draft = drafts[try expansion.place(keys, of: number, drafts, at: source.position)]
        return ([try member(draft, output, reference, stage, at: source.position)], false)
      }
      var members: [InputSource.Member] = []
      members.reserveCapacity(drafts.count)
      for draft in drafts {
        members.append(try member(draft, output, reference, stage, at: source.position))
      }
      let isWhole = !stage.variables.isEmpty
      if isWhole { collections[reference] = members }
      return (members, isWhole)
    }
  }

  private func member(
    _ draft: InstanceExpansion.Draft, _ output: OutputDeclaration, _ reference: Reference,
    _ stage: PlannedStage, at position: Position
  ) throws(PipelineError) -> InputSource.Member {
    var keys = draft.keys
    if reference.instances != .all || keys.isEmpty, let member = reference.member { keys.append(member) }
    let key = keys.isEmpty ? stage.name : keys.joined(separator: ",")
    guard output.keyed else {
      return InputSource.Member(
        key: key, source: .output(instance: draft.name, output: output.name, key: nil))
    }
    guard let member = reference.member else {
      return InputSource.Member(key: key, source: .members(instance: draft.name, output: output.name))
    }
    if let known = expansion.members(of: draft, output.name, stage), !known.contains(member) {
      throw PipelineError(
        "\(draft.name).\(output.name) has no member '\(member)'", at: position,
        facts: [("there is", known.isEmpty ? "none" : Suggestion.list(known))],
        hint: Suggestion.nearest(to: member, among: known).map { "did you mean '\($0)'?" })
    }
    return InputSource.Member(
      key: key, source: .output(instance: draft.name, output: output.name, key: member))
  }
}
