import Actions
import Artefacts

/// Second step of planning: finds which stage depends on which, and turns what is written into what each instance reads.
struct SourceResolution {
  enum Planned {
    case instances([StageInstance])
    case deferred(DeferredStage)
  }

  /// An input of a stage whose fixed sources have been read.
  private struct Input {
    let name: String
    let position: Position
    let isList: Bool
    let sources: [Reading]
    /// What all instances read, once that is known, and how many artefacts these are.
    var common: (source: InputSource, count: Int, isIncomplete: Bool)?

    var isFixed: Bool {
      sources.allSatisfy { if case .fixed = $0 { true } else { false } }
    }
  }

  private enum Reading {
    case fixed(Source)
    case reference(ReferencePattern, stage: Int)
    case open(OpenValue)
  }

  private let expansion: InstanceExpansion
  private let faults: Faults
  /// Of each stage.
  private var inputs: [[Input]] = []
  /// Of each stage, those that it reads or whose keys it runs over.
  private var dependencies: [Set<Int>] = []
  /// Of each stage, the keys that it waits for.
  private var awaited: [[KeyedOutput]]
  /// Stages of whose inputs something is wrong.
  private var faulty: Set<Int> = []
  private var members: MemberSources
  private var total = 0
  /// The references that could as well be names of files, each once.
  private(set) var fileNames: [NamedSource] = []
  /// Instances that read all there is of something of which more will come.
  private(set) var incomplete: Set<String> = []
  private var seenFileNames: Set<String> = []

  private var stages: [PlannedStage] { expansion.stages }

  init(_ expansion: InstanceExpansion) throws(PipelineError) {
    self.expansion = expansion
    faults = expansion.faults
    members = MemberSources(expansion)
    awaited = [[KeyedOutput]](repeating: [], count: expansion.stages.count)
    for number in expansion.stages.indices {
      do {
        let (inputs, dependencies) = try read(number)
        self.inputs.append(inputs)
        self.dependencies.append(dependencies)
      } catch {
        try faults.take(error)
        faulty.insert(number)
        inputs.append([])
        dependencies.append([])
      }
    }
  }

  /// The stages that no other one reads.
  var unusedStages: [Int] {
    let used = dependencies.reduce(into: Set<Int>()) { $0.formUnion($1) }
    return stages.indices.filter { !used.contains($0) }
  }

  func order() throws(PipelineError) -> [Int] {
    try PlanOrder(dependencies: dependencies).sorted(stages)
  }

  // MARK: Reading

  /// The inputs of a stage and the stages that they refer to.
  private mutating func read(
    _ number: Int
  ) throws(PipelineError) -> (inputs: [Input], stages: Set<Int>) {
    let stage = stages[number]
    let parser = SourceParser(stages: stages, number: number)
    var used = expansion.dependencies[number]
    var inputs: [Input] = []
    inputs.reserveCapacity(stage.inputs.count)
    for input in stage.inputs {
      var readings: [Reading] = []
      var isList = true
      if case .sources(_, let listed) = input.content { isList = listed }
      for source in input.values {
        do throws(PipelineError) {
          readings.append(try read(source, of: input.name, parser, &used))
        } catch {
          try faults.take(error)
          faulty.insert(number)
        }
      }
      inputs.append(
        Input(name: input.name, position: input.position, isList: isList, sources: readings))
    }
    return (inputs, used)
  }

  /// - Parameter used: gets the stages that the source names.
  private mutating func read(
    _ source: OpenSource, of input: String, _ parser: SourceParser, _ used: inout Set<Int>
  ) throws(PipelineError) -> Reading {
    switch source {
    case .fixed(let node):
      let source = try parser.source(node, of: input)
      if case .reference(_, let stage) = source.kind { used.insert(stage) }
      note(source)
      return .fixed(source)
    case .reference(let pattern, let value):
      guard let stage = stages[parser.number].namespace.stages[pattern.stage] else { return .open(value) }
      _ = try parser.source(pattern.shape, of: input, at: pattern.position)
      used.insert(stage)
      return .reference(pattern, stage: stage)
    case .open(let value):
      used.formUnion(try stagesNamed(by: value, of: parser.number))
      return .open(value)
    }
  }

  /// The stages, but for the reader itself, with whose names a source starts.
  private func stagesNamed(by value: OpenValue, of number: Int) throws(PipelineError) -> Set<Int> {
    let namespace = stages[number].namespace
    if let name = value.leadingName {
      return Set([namespace.stages[name]].compactMap { $0 }).subtracting([number])
    }
    guard case .known(let drafts) = expansion.instances[number] else { return [] }
    var used: Set<Int> = []
    for draft in drafts.list {
      let node = try value.value(draft.bindings)
      for source in node.list ?? [node] {
        guard let text = source.text else { continue }
        if let stage = namespace.stages[String(Reference.leadingName(of: text))] { used.insert(stage) }
      }
    }
    return used.subtracting([number])
  }

  private mutating func note(_ source: Source) {
    guard let text = source.fileName, case .reference(let reference, _) = source.kind,
      seenFileNames.insert(text).inserted
    else { return }
    fileNames.append(NamedSource(text: text, reference: reference, position: source.position))
  }

  // MARK: Resolving

  /// The instances of a stage, all of whose dependencies have been resolved.
  mutating func resolve(_ number: Int) throws(PipelineError) -> Planned {
    let stage = stages[number]
    var waitsFor = AwaitedOutputs()
    if case .unknown(let missing) = expansion.instances[number] { waitsFor.insert(missing) }
    for dependency in dependencies[number].sorted() { waitsFor.insert(awaited[dependency]) }
    if faulty.contains(number) { waitsFor.insert([stage.fault]) }

    guard case .known(let drafts) = expansion.instances[number], waitsFor.isEmpty else {
      return .deferred(try deferred(number, waitsFor.list))
    }
    do {
      return .instances(try instances(of: number, drafts))
    } catch {
      try faults.take(error)
      return .deferred(try deferred(number, [stage.fault]))
    }
  }

  private mutating func deferred(
    _ number: Int, _ waitsFor: [KeyedOutput]
  ) throws(PipelineError) -> DeferredStage {
    let stage = stages[number]
    awaited[number] = waitsFor
    try count(waitsFor.count, at: stage.declaration.position)
    for input in inputs[number] {
      for case .fixed(let source) in input.sources {
        do { try members.check(source) } catch { try faults.take(error) }
      }
    }
    return DeferredStage(
      stage: stage.name, waitsFor: waitsFor, position: stage.declaration.position,
      dependencies: dependencies[number].sorted().map { stages[$0].name })
  }

  private mutating func instances(of number: Int, _ drafts: Drafts) throws(PipelineError) -> [StageInstance] {
    let stage = stages[number]
    var instances: [StageInstance] = []
    instances.reserveCapacity(drafts.count)
    var before: Draft?
    for draft in drafts.list {
      do {
        instances.append(try instance(draft, behind: before, of: number))
        before = draft
      } catch {
        // It may name what has not come yet; if it does not, the plan that is not made ahead says so.
        if expansion.growing == nil || stage.declaration.fanOut.isChain { throw error }
      }
    }
    return instances
  }

  private mutating func instance(
    _ draft: Draft, behind before: Draft?, of number: Int
  ) throws(PipelineError) -> StageInstance {
    let stage = stages[number]
    var resolved: [StageInstance.Input] = []
    resolved.reserveCapacity(stage.inputs.count)
    var failure: PipelineError?
    for index in inputs[number].indices {
      do throws(PipelineError) {
        let source = try resolve(index, of: number, draft)
        resolved.append(StageInstance.Input(name: inputs[number][index].name, source: source))
      } catch {
        // The last one ends the instance; those before it are noted.
        if let failure { try faults.take(failure) }
        failure = error
      }
    }
    if let failure { throw failure }
    if let before {
      let carried = stage.inputs(of: draft, behind: before)
      try count(carried.count, at: stage.declaration.position)
      resolved += carried
    }
    return try stage.instance(draft, inputs: resolved)
  }

  /// What one instance reads through one input.
  private mutating func resolve(
    _ index: Int, of number: Int, _ draft: Draft
  ) throws(PipelineError) -> InputSource {
    let input = inputs[number][index]
    if let common = input.common {
      try count(common.count, at: input.position)
      if common.isIncomplete { incomplete.insert(draft.name) }
      return common.source
    }
    var sources: [Source] = []
    sources.reserveCapacity(input.sources.count)
    var isList = input.isList
    for reading in input.sources {
      switch reading {
      case .fixed(let source): sources.append(source)
      case .reference(let pattern, let stage):
        sources.append(
          Source(
            kind: .reference(pattern.reference(draft.bindings), stage: stage), position: pattern.position))
      case .open(let value):
        let node = try value.value(draft.bindings)
        if case .value = stages[number].inputs[index].content { isList = node.list != nil }
        let parser = SourceParser(stages: stages, number: number)
        for element in isList ? node.list ?? [node] : [node] {
          sources.append(try parser.source(element, of: input.name))
        }
      }
    }
    for source in sources { note(source) }
    let reader = MemberSources.Reader(
      input: input.name, position: input.position, instance: draft.name, isList: isList,
      cardinality: stages[number].cardinality(of: input.name))
    let (source, count) = try members.source(sources, for: reader)
    try self.count(count, at: input.position)
    let isIncomplete = !expansion.partial.isEmpty && sources.contains(where: readsPartially)
    if isIncomplete { incomplete.insert(draft.name) }
    if input.isFixed { inputs[number][index].common = (source, count, isIncomplete) }
    return source
  }

  /// Whether a source is all instances of a stage, or some, that will have more.
  private func readsPartially(_ source: Source) -> Bool {
    guard case .reference(let reference, let stage) = source.kind, expansion.partial.contains(stage) else {
      return false
    }
    if case .one = reference.instances { return false }
    return true
  }

  private mutating func count(_ more: Int, at position: Position) throws(PipelineError) {
    total += more
    if total > 10 * Planner.mostInstances {
      throw PipelineError("the pipeline has more than \(10 * Planner.mostInstances) inputs", at: position)
    }
  }
}
