import Actions
import JSON

/// First step of planning: which instances each stage has. This depends on parameters and on the keys of keyed outputs,
/// not on what the instances read. (A class, since all steps of planning share it, and a copy of it is large.)
final class InstanceExpansion {
  enum Instances {
    case known(Drafts)
    case unknown(waitsFor: [KeyedOutput])
  }

  let stages: [PlannedStage]
  let keys: [KeyedOutput: [String]]
  let faults: Faults
  /// The members so far of eager outputs whose stages still run; nil in a plan that is not made ahead.
  let growing: [KeyedOutput: [String]]?
  /// Stages that will have more instances.
  private(set) var partial: Set<Int> = []
  private(set) var instances: [Instances] = []
  /// Of each stage, those whose keyed outputs its variables run over.
  private(set) var dependencies: [Set<Int>] = []
  private var total = 0

  init(
    stages: [PlannedStage], keys: [KeyedOutput: [String]], growing: [KeyedOutput: [String]]? = nil,
    faults: Faults
  ) {
    self.growing = growing
    self.stages = stages
    self.keys = keys
    self.faults = faults
  }

  func expand() throws(PipelineError) {
    for stage in stages { dependencies.append(stage.domainStages) }
    instances = stages.map { _ in .unknown(waitsFor: []) }
    for number in try PlanOrder(dependencies: dependencies).sorted(stages) {
      do {
        try expand(number)
      } catch {
        try faults.take(error)
        instances[number] = .unknown(waitsFor: [stages[number].fault])
      }
    }
  }

  private func expand(_ number: Int) throws(PipelineError) {
    let stage = stages[number]
    if stage.isFaulty {
      instances[number] = .unknown(waitsFor: [stage.fault])
      return
    }
    var combinations = Combinations(expansion: self, stage: stage, number: number, total: total)
    try combinations.combine()
    total = combinations.total
    if combinations.isPartial { partial.insert(number) }
    if combinations.waitsFor.isEmpty {
      instances[number] = .known(Drafts(combinations.drafts))
    } else {
      instances[number] = .unknown(waitsFor: combinations.waitsFor.list)
    }
  }

  // MARK: Keyed outputs

  /// What is known of the keys that a variable runs over.
  enum Members {
    case known([String])
    /// More will come: those so far.
    case growing([String], KeyedOutput)
    case unknown(waitsFor: [KeyedOutput])
  }

  /// The keys of a keyed output of one instance, or what they are waiting for.
  func members(
    of reference: Reference, in namespace: Namespace, at position: Position
  ) throws(PipelineError) -> Members {
    let number = namespace.stages[reference.stage]!
    let stage = stages[number]
    if stage.isFaulty { return .unknown(waitsFor: [stage.fault]) }
    let output = try stage.output(of: reference, at: position)
    guard output.keyed, reference.member == nil else {
      throw PipelineError(
        "'\(reference.stage).\(output.name)' is one artefact; a variable runs over many", at: position,
        hint: "for: takes a list, a range, or a keyed output")
    }
    let drafts: Drafts
    switch instances[number] {
    case .known(let known): drafts = known
    case .unknown(let waitsFor): return .unknown(waitsFor: waitsFor)
    }
    let draft: Draft
    switch reference.instances {
    case .one(let keys) where partial.contains(number) && drafts.place(of: keys) == nil:
      return .growing([], stage.fault)
    case .one(let keys): draft = drafts[try place(keys, of: number, drafts, at: position)]
    case .all, .matching:
      if partial.contains(number) { return .unknown(waitsFor: [stage.fault]) }
      guard drafts.count == 1 else {
        throw PipelineError(
          "the stage '\(stage.name)' has \(drafts.count) instances; a variable runs over an output of one",
          at: position, hint: drafts.list.first.map { "such as \($0.name).\(output.name)" })
      }
      draft = drafts[0]
    }
    let keyed = KeyedOutput(instance: draft.name, output: output.name)
    if let known = members(of: draft, output.name, stage) { return .known(known) }
    if let growing, partial.contains(number) || stage.eager.contains(output.name) {
      return .growing(growing[keyed] ?? [], keyed)
    }
    return .unknown(waitsFor: [keyed])
  }

  /// The keys of a keyed output if they are known.
  func members(of draft: Draft, _ output: String, _ stage: PlannedStage) -> [String]? {
    if case .operation(let operation, _) = stage.work, let parameters = draft.parameters,
      let keys = operation.keys(of: output, parameters)
    {
      return keys
    }
    return keys[KeyedOutput(instance: draft.name, output: output)]
  }

  // MARK: Instances

  /// The instances that have these keys; nil leaves one open.
  func matching(
    _ keys: [String?], of number: Int, _ drafts: Drafts, at position: Position
  ) throws(PipelineError) -> [Draft] {
    let stage = stages[number]
    let found = drafts.list.filter { draft in
      draft.keys.count == keys.count && zip(draft.keys, keys).allSatisfy { $1 == nil || $0 == $1 }
    }
    guard !found.isEmpty else {
      let shown = keys.map { $0 ?? "*" }.joined(separator: ",")
      throw PipelineError(
        "no instance is \(stage.name)[\(shown)]", at: position,
        hint: stage.variables.isEmpty
          ? "the stage '\(stage.name)' has no for:"
          : "its keys are \(stage.variables.joined(separator: ","))")
    }
    return found
  }

  /// The place of an instance that a reference names.
  func place(
    _ keys: [String], of number: Int, _ drafts: Drafts, at position: Position
  ) throws(PipelineError) -> Int {
    let stage = stages[number]
    if !stage.variables.isEmpty, let place = drafts.place(of: keys) { return place }
    let shown = "\(stage.name)[\(keys.joined(separator: ","))]"
    guard !stage.variables.isEmpty else {
      throw PipelineError(
        "there is no \(shown): the stage '\(stage.name)' has no for:", at: position,
        hint: stage.outputs.first { $0.keyed }.map {
          "a member of its output is \(stage.name).\($0.name)[\(keys.joined(separator: ","))]"
        })
    }
    if keys.count != stage.variables.count {
      throw PipelineError(
        "\(shown) has \(keys.count) of the \(stage.variables.count) keys of '\(stage.name)'", at: position,
        hint: "its keys are \(stage.variables.joined(separator: ","))")
    }
    let existing = drafts.list.map { $0.keys.joined(separator: ",") }
    let nearest = Suggestion.nearest(to: keys.joined(separator: ","), among: existing)
    throw PipelineError(
      "there is no instance \(shown)", at: position,
      facts: [("there is", existing.isEmpty ? "none" : Suggestion.list(existing))],
      hint: nearest.map { "did you mean \(stage.name)[\($0)]?" })
  }
}
