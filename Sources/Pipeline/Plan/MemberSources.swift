import Actions
import Artefacts

/// Turns sources into the artefacts that they stand for.
struct MemberSources {
  /// The input for which that is done.
  struct Reader {
    let input: String
    let position: Position
    let instance: String
    let isList: Bool
    /// Nil for a command's input.
    let cardinality: InputDeclaration.Cardinality?
  }

  private struct Members {
    /// Nil as long as nobody knows them.
    let keys: [String]?
    let set: Set<String>

    init(keys: [String]?) {
      self.keys = keys
      set = Set(keys ?? [])
    }
  }

  /// Of a reference in one file.
  private struct Collection: Hashable {
    let stage: Int
    let reference: Reference
  }

  private let expansion: InstanceExpansion
  private var collections: [Collection: [InputSource.Member]] = [:]
  private var known: [KeyedOutput: Members] = [:]

  init(_ expansion: InstanceExpansion) { self.expansion = expansion }

  /// What can be said of a source of a deferred stage: that it names an output that there is.
  func check(_ source: Source) throws(PipelineError) {
    guard case .reference(let reference, let number) = source.kind, !expansion.stages[number].isFaulty else {
      return
    }
    _ = try expansion.stages[number].output(of: reference, at: source.position)
    if case .one(let keys) = reference.instances, case .known(let drafts) = expansion.instances[number] {
      _ = try expansion.place(keys, of: number, drafts, at: source.position)
    }
  }

  /// What an input reads, and how many artefacts that is.
  mutating func source(
    _ sources: [Source], for reader: Reader
  ) throws(PipelineError) -> (source: InputSource, count: Int) {
    var found: [InputSource.Member] = []
    var isWhole = false
    for source in sources {
      let (members, isAll) = try members(source)
      isWhole = isWhole || isAll
      if found.isEmpty { found = members } else { found += members }
    }
    var isKeyedOutput = false
    if found.count == 1, !isWhole, case .members = found[0].source { isKeyedOutput = true }
    switch reader.cardinality {
    case .one, .optional: return (try single(found, reader), 1)
    case .many:
      if isKeyedOutput { return (found[0].source, 1) }
    case nil:
      if isKeyedOutput || found.count == 1 && !isWhole && !reader.isList { return (found[0].source, 1) }
    }
    try checkKeys(found, reader, isList: sources.count > 1)
    return (.collection(found), found.count)
  }

  private func single(_ found: [InputSource.Member], _ reader: Reader) throws(PipelineError) -> InputSource {
    guard found.count == 1 else {
      throw PipelineError(
        "the input '\(reader.input)' takes one artefact and is given \(found.count)", at: reader.position,
        facts: [("stage", reader.instance)]
          + (found.isEmpty ? [] : [("given", Suggestion.list(found.map(\.key)))]),
        hint: "name one of the instances, or fan this stage out with for:")
    }
    if case .members(let instance, let output) = found[0].source {
      throw PipelineError(
        "the input '\(reader.input)' takes one artefact; \(instance).\(output) has one for each of its keys",
        at: reader.position, facts: [("stage", reader.instance)],
        hint: "name one: \(instance).\(output)[KEY], or fan this stage out with for:")
    }
    return found[0].source
  }

  /// Keys of instances are as they must be; in a list there are also names of files, and anything can come twice.
  private func checkKeys(
    _ members: [InputSource.Member], _ reader: Reader, isList: Bool
  ) throws(PipelineError) {
    for member in members {
      if case .file(let path) = member.source, let fault = MemberKey.fault(of: member.key) {
        throw PipelineError(
          "the name of '\(path.excerpt)' cannot be a key of the input '\(reader.input)': \(fault)",
          at: reader.position, hint: "give the file another name")
      }
    }
    guard isList else { return }
    var seen: Set<String> = []
    for member in members {
      if !seen.insert(member.key).inserted {
        throw PipelineError(
          "two artefacts of the input '\(reader.input)' have the key '\(member.key)'", at: reader.position,
          hint: "give them to two inputs, or give one of the files another name")
      }
    }
  }

  // MARK: Members

  /// What a source stands for, and whether it is all instances of a stage with variables.
  private mutating func members(
    _ source: Source
  ) throws(PipelineError) -> (members: [InputSource.Member], isWhole: Bool) {
    switch source.kind {
    case .file(let path):
      let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { _ in
        String(path.split(separator: "/").last ?? "")
      }
      return ([InputSource.Member(key: name ?? path, source: .file(path))], false)
    case .artefact(let digest):
      return ([InputSource.Member(key: digest.short, source: .artefact(digest))], false)
    case .reference(let reference, let number):
      return try members(of: reference, number, at: source.position)
    }
  }

  private mutating func members(
    of reference: Reference, _ number: Int, at position: Position
  ) throws(PipelineError) -> (members: [InputSource.Member], isWhole: Bool) {
    let stage = expansion.stages[number]
    if case .one(let keys) = reference.instances {
      let output = try self.output(of: reference, stage, at: position)
      guard case .known(let drafts) = expansion.instances[number] else { return ([], true) }
      let draft = drafts[try expansion.place(keys, of: number, drafts, at: position)]
      return ([try member(draft, output, reference, stage, at: position)], false)
    }
    let collection = Collection(stage: number, reference: reference)
    if let known = collections[collection] { return (known, true) }
    let output = try self.output(of: reference, stage, at: position)
    guard case .known(let drafts) = expansion.instances[number] else { return ([], true) }
    var list = drafts.list
    if case .matching(let keys) = reference.instances {
      list = try expansion.matching(keys, of: number, drafts, at: position)
    }
    var members: [InputSource.Member] = []
    members.reserveCapacity(list.count)
    for draft in list { members.append(try member(draft, output, reference, stage, at: position)) }
    let isWhole = !stage.variables.isEmpty
    if isWhole { collections[collection] = members }
    return (members, isWhole)
  }

  private func output(
    of reference: Reference, _ stage: PlannedStage, at position: Position
  ) throws(PipelineError) -> OutputDeclaration {
    let output = try stage.output(of: reference, at: position)
    if reference.member != nil, !output.keyed {
      throw PipelineError(
        "the output '\(output.name)' of '\(stage.name)' is one artefact and has no members", at: position)
    }
    return output
  }

  private mutating func member(
    _ draft: Draft, _ output: OutputDeclaration, _ reference: Reference, _ stage: PlannedStage,
    at position: Position
  ) throws(PipelineError) -> InputSource.Member {
    var keys = draft.keys
    if let member = reference.member {
      if case .one = reference.instances { keys.append(member) } else if keys.isEmpty { keys = [member] }
    }
    let key =
      switch keys.count {
      case 0: reference.stage
      case 1: keys[0]
      default: keys.joined(separator: ",")
      }
    guard output.keyed else {
      return InputSource.Member(
        key: key, source: .output(instance: draft.name, output: output.name, key: nil))
    }
    guard let member = reference.member else {
      return InputSource.Member(key: key, source: .members(instance: draft.name, output: output.name))
    }
    try check(member, of: KeyedOutput(instance: draft.name, output: output.name), draft, stage, at: position)
    return InputSource.Member(
      key: key, source: .output(instance: draft.name, output: output.name, key: member))
  }

  private mutating func check(
    _ member: String, of output: KeyedOutput, _ draft: Draft, _ stage: PlannedStage, at position: Position
  ) throws(PipelineError) {
    if known[output] == nil {
      known[output] = Members(keys: expansion.members(of: draft, output.output, stage))
    }
    if let keys = known[output]?.keys, known[output]?.set.contains(member) == false {
      throw PipelineError(
        "\(draft.name).\(output.output) has no member '\(member)'", at: position,
        facts: [("there is", keys.isEmpty ? "none" : Suggestion.list(keys))],
        hint: Suggestion.nearest(to: member, among: keys).map { "did you mean '\($0)'?" })
    }
  }
}
