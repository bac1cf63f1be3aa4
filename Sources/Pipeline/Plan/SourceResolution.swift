import Artefacts

/// Third step of planning: turns what is written into what each instance reads.
struct SourceResolution {
  enum Planned {
    case instances([StageInstance])
    case deferred(DeferredStage)
  }

  private let expansion: InstanceExpansion
  /// Of each stage and each of its instances, the inputs.
  private var inputs: [[[SourceInput]]] = []
  /// Of each stage, those that it reads or whose keys it runs over.
  private var dependencies: [Set<Int>] = []
  /// Of each stage, the keys that it waits for.
  private var awaited: [[KeyedOutput]]
  private var collections: [Reference: [InputSource.Member]] = [:]
  private var knownMembers: [KeyedOutput: Members] = [:]
  private var total = 0

  private struct Members {
    /// Nil as long as nobody knows them.
    let keys: [String]?
    let set: Set<String>

    init(keys: [String]?) {
      self.keys = keys
      set = Set(keys ?? [])
    }
  }

  init(_ expansion: InstanceExpansion) throws(PipelineError) {
    self.expansion = expansion
    awaited = [[KeyedOutput]](repeating: [], count: expansion.stages.count)
    let parser = SourceParser(expansion: expansion)
    for number in expansion.stages.indices {
      let (inputs, stages) = try parser.inputs(of: number)
      self.inputs.append(inputs)
      dependencies.append(stages)
    }
  }

  /// The stages that no other one reads.
  var unusedStages: [Int] {
    let used = dependencies.reduce(into: Set<Int>()) { $0.formUnion($1) }
    return expansion.stages.indices.filter { !used.contains($0) }
  }

  /// The references that could as well be names of files, each once.
  var fileNames: [NamedSource] {
    var seen: Set<String> = []
    var names: [NamedSource] = []
    for source in inputs.lazy.joined().joined().flatMap(\.sources) {
      guard let text = source.fileName, seen.insert(text).inserted,
        case .reference(let reference, _) = source.kind
      else { continue }
      names.append(NamedSource(text: text, reference: reference, position: source.position))
    }
    return names
  }

  func order() throws(PipelineError) -> [Int] {
    try PlanOrder(dependencies: dependencies).sorted(expansion.stages)
  }

  // MARK: Resolving

  /// The instances of a stage, all of whose dependencies have been resolved.
  mutating func resolve(_ number: Int) throws(PipelineError) -> Planned {
    let stage = expansion.stages[number]
    var waitsFor = AwaitedOutputs()
    if case .unknown(let missing) = expansion.instances[number] { waitsFor.insert(missing) }
    for dependency in dependencies[number].sorted() { waitsFor.insert(awaited[dependency]) }

    guard case .known(let drafts) = expansion.instances[number], waitsFor.isEmpty else {
      awaited[number] = waitsFor.list
      try count(waitsFor.list.count, at: stage.declaration.position)
      for input in inputs[number].joined() { try check(input) }
      return .deferred(
        DeferredStage(
          stage: stage.name, waitsFor: waitsFor.list, position: stage.declaration.position,
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
    try count(found.count, at: input.position)

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
      if isKeyedOutput { return found[0].source }
    case nil:
      if isKeyedOutput || found.count == 1 && !isWhole && !input.isList { return found[0].source }
    }
    try checkKeys(found, input)
    return .collection(found)
  }

  private mutating func count(_ more: Int, at position: Position) throws(PipelineError) {
    total += more
    if total > 10 * Planner.mostInstances {
      throw PipelineError("the pipeline has more than \(10 * Planner.mostInstances) inputs", at: position)
    }
  }

  /// Keys of instances are as they must be; in a list there are also names of files, and anything can come twice.
  private func checkKeys(_ members: [InputSource.Member], _ input: SourceInput) throws(PipelineError) {
    for member in members {
      if case .file(let path) = member.source, let fault = PlannedKeys.fault(of: member.key) {
        throw PipelineError(
          "the name of '\(path.excerpt)' cannot be a key of the input '\(input.name)': \(fault)",
          at: input.position, hint: "give the file another name")
      }
    }
    guard input.sources.count > 1 else { return }
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
      let name = String(path.split(separator: "/").last ?? "")
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
      guard case .known(var drafts) = expansion.instances[number] else { return ([], true) }
      if case .one(let keys) = reference.instances {
        let draft = drafts[try expansion.place(keys, of: number, drafts, at: source.position)]
        return ([try member(draft, output, reference, stage, at: source.position)], false)
      }
      if case .matching(let keys) = reference.instances {
        drafts = try expansion.matching(keys, of: number, drafts, at: source.position)
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

  private mutating func member(
    _ draft: InstanceExpansion.Draft, _ output: OutputDeclaration, _ reference: Reference,
    _ stage: PlannedStage, at position: Position
  ) throws(PipelineError) -> InputSource.Member {
    var keys = draft.keys
    if let member = reference.member {
      if case .one = reference.instances { keys.append(member) } else if keys.isEmpty { keys = [member] }
    }
    let key = keys.isEmpty ? stage.name : keys.joined(separator: ",")
    guard output.keyed else {
      return InputSource.Member(
        key: key, source: .output(instance: draft.name, output: output.name, key: nil))
    }
    guard let member = reference.member else {
      return InputSource.Member(key: key, source: .members(instance: draft.name, output: output.name))
    }
    let keyed = KeyedOutput(instance: draft.name, output: output.name)
    if knownMembers[keyed] == nil {
      knownMembers[keyed] = Members(keys: expansion.members(of: draft, output.name, stage))
    }
    if let known = knownMembers[keyed]?.keys, knownMembers[keyed]?.set.contains(member) == false {
      throw PipelineError(
        "\(draft.name).\(output.name) has no member '\(member)'", at: position,
        facts: [("there is", known.isEmpty ? "none" : Suggestion.list(known))],
        hint: Suggestion.nearest(to: member, among: known).map { "did you mean '\($0)'?" })
    }
    return InputSource.Member(
      key: key, source: .output(instance: draft.name, output: output.name, key: member))
  }
}
