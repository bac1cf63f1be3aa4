import JSON

/// First step of planning: which instances each stage has. This depends on parameters and on the keys of keyed outputs,
/// not on what the instances read.
struct InstanceExpansion {
  /// An instance before its inputs are known.
  struct Draft {
    let keys: [String]
    let name: String
    let scope: ExpressionScope
    /// Nil for a command.
    let parameters: ParameterValues?
  }

  enum Instances {
    case known([Draft])
    case unknown(waitsFor: [KeyedOutput])
  }

  let stages: [PlannedStage]
  let scope: ExpressionScope
  let keys: [KeyedOutput: [String]]
  let stageNumbers: [String: Int]
  private(set) var instances: [Instances] = []
  /// Of each stage, those whose keyed outputs its variables run over.
  private(set) var dependencies: [Set<Int>] = []
  /// Of stages with variables, the place of each instance by its joined keys.
  private(set) var places: [[String: Int]] = []
  private var total = 0

  init(stages: [PlannedStage], scope: ExpressionScope, keys: [KeyedOutput: [String]]) {
    self.stages = stages
    self.scope = scope
    self.keys = keys
    stageNumbers = Dictionary(
      stages.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  mutating func expand() throws(PipelineError) {
    for stage in stages { dependencies.append(try domainStages(of: stage)) }
    instances = stages.map { _ in .known([]) }
    places = stages.map { _ in [:] }
    for stage in try PlanOrder(dependencies: dependencies).sorted(stages) { try expand(stage) }
  }

  /// The place of the instance with these keys among a stage's.
  func place(_ keys: [String], in stage: Int) -> Int? { places[stage][keys.joined(separator: ",")] }

  // MARK: Variables

  private mutating func expand(_ number: Int) throws(PipelineError) {
    let stage = stages[number]
    var drafts: [Draft] = []
    var waitsFor = AwaitedOutputs()
    try combine(stage, 0, [], scope, &drafts, &waitsFor)
    if waitsFor.isEmpty {
      instances[number] = .known(drafts)
      if !stage.variables.isEmpty {
        places[number] = Dictionary(
          drafts.enumerated().map { ($1.keys.joined(separator: ","), $0) },
          uniquingKeysWith: { first, _ in first })
      }
    } else {
      try stage.checkConstants(scope)
      instances[number] = .unknown(waitsFor: waitsFor.list)
    }
  }

  /// Goes through all values of one variable and, inside each, through those of the next.
  private mutating func combine(
    _ stage: PlannedStage, _ variable: Int, _ keys: [String], _ scope: ExpressionScope,
    _ drafts: inout [Draft], _ waitsFor: inout AwaitedOutputs
  ) throws(PipelineError) {
    guard variable < stage.declaration.variables.count else {
      total += 1
      if total > Planner.mostInstances {
        throw PipelineError(
          "the pipeline has more than \(Planner.mostInstances) instances", at: stage.declaration.position,
          facts: [("stage", stage.name)])
      }
      let name = keys.isEmpty ? stage.name : "\(stage.name)[\(keys.joined(separator: ","))]"
      drafts.append(
        Draft(keys: keys, name: name, scope: scope, parameters: try stage.parameters(scope)))
      return
    }
    let entry = stage.declaration.variables[variable]
    let node = try scope.evaluate(entry.value)
    switch try PlannedKeys(node, variable: entry.name, isStage: { stageNumbers[$0] != nil }) {
    case .values(let values):
      try combine(stage, variable, values.map { ($0, []) }, keys, scope, &drafts, &waitsFor)
    case .table(let rows):
      try combine(stage, variable, rows.map { ($0.key, $0.row) }, keys, scope, &drafts, &waitsFor)
    case .reference(let reference):
      guard dependencies[stageNumbers[stage.name]!].contains(stageNumbers[reference.stage]!) else {
        throw PipelineError(
          "the stage that '\(entry.name)' runs over depends on a variable", at: node.position,
          hint: "write the stage's name out: only its keys can be variables")
      }
      let (known, missing) = try members(of: reference, at: node.position)
      guard let known else {
        waitsFor.insert(missing)
        return
      }
      // A key may be a number where one is wanted, and is never nothing.
      let values = known.map { key in
        PipelineNode(content: .scalar(key, isPlain: !JSON(plain: key).isNull), position: node.position)
      }
      try PlannedKeys.check(values, entry.name)
      try combine(stage, variable, values.map { ($0, []) }, keys, scope, &drafts, &waitsFor)
    }
  }

  private mutating func combine(
    _ stage: PlannedStage, _ variable: Int, _ values: [(PipelineNode, row: [PipelineNode.Entry])],
    _ keys: [String], _ scope: ExpressionScope, _ drafts: inout [Draft], _ waitsFor: inout AwaitedOutputs
  ) throws(PipelineError) {
    let name = stage.declaration.variables[variable].name
    for (value, row) in values {
      try combine(
        stage, variable + 1, keys + [value.text ?? ""], scope.adding(name, value, row: row), &drafts,
        &waitsFor)
    }
  }

  // MARK: Keyed outputs

  /// The keys of a keyed output of one instance, or what they are waiting for.
  private func members(
    of reference: Reference, at position: Position
  ) throws(PipelineError) -> (keys: [String]?, missing: [KeyedOutput]) {
    let number = stageNumbers[reference.stage]!
    let stage = stages[number]
    let output = try stage.output(of: reference, at: position)
    guard output.keyed, reference.member == nil else {
      throw PipelineError(
        "'\(reference.stage).\(output.name)' is one artefact; a variable runs over many", at: position,
        hint: "for: takes a list, a range, or a keyed output")
    }
    guard case .known(let drafts) = instances[number] else {
      if case .unknown(let waitsFor) = instances[number] { return (nil, waitsFor) }
      return (nil, [])
    }
    let draft: Draft
    switch reference.instances {
    case .one(let keys): draft = drafts[try self.place(keys, of: number, drafts, at: position)]
    case .all, .matching:
      guard drafts.count == 1 else {
        throw PipelineError(
          "the stage '\(stage.name)' has \(drafts.count) instances; a variable runs over an output of one",
          at: position, hint: drafts.first.map { "such as \($0.name).\(output.name)" })
      }
      draft = drafts[0]
    }
    let keyed = KeyedOutput(instance: draft.name, output: output.name)
    let known = members(of: draft, output.name, stage)
    return (known, known == nil ? [keyed] : [])
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

  /// The instances that have these keys; nil leaves one open.
  func matching(
    _ keys: [String?], of number: Int, _ drafts: [Draft], at position: Position
  ) throws(PipelineError) -> [Draft] {
    let stage = stages[number]
    let found = drafts.filter { draft in
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
    _ keys: [String], of number: Int, _ drafts: [Draft], at position: Position
  ) throws(PipelineError) -> Int {
    if let place = place(keys, in: number) { return place }
    let stage = stages[number]
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
    let existing = drafts.map { $0.keys.joined(separator: ",") }
    let nearest = Suggestion.nearest(to: keys.joined(separator: ","), among: existing)
    throw PipelineError(
      "there is no instance \(shown)", at: position,
      facts: [("there is", existing.isEmpty ? "none" : Suggestion.list(existing))],
      hint: nearest.map { "did you mean \(stage.name)[\($0)]?" })
  }

  // MARK: Order

  /// The stages of the references among a stage's variables, found before any variable has a value.
  private func domainStages(of stage: PlannedStage) throws(PipelineError) -> Set<Int> {
    var stages: Set<Int> = []
    for entry in stage.declaration.variables {
      if let name = try leadingName(entry.value, of: stage), let number = stageNumbers[name] {
        stages.insert(number)
      }
    }
    return stages
  }

  /// The name with which a source starts, or an empty text where it is no reference; nil if that depends on the stage's
  /// variables.
  func leadingName(_ node: PipelineNode, of stage: PlannedStage) throws(PipelineError) -> String? {
    guard let text = node.text else { return "" }
    guard Expression.isNeeded(in: text) else { return String(Reference.leadingName(of: text)) }
    let variables = stage.variables
    var leading = ""
    for part in try Expression(text, at: node.position).parts {
      switch part {
      case .text(let text): leading += text
      case .variable(let name) where variables.contains(Expression.variable(of: name)):
        return leading.contains { $0 == "[" || $0 == "." } ? String(Reference.leadingName(of: leading)) : nil
      case .variable(let name): leading += scope[name]?.text ?? ""
      case .path: continue
      }
    }
    return String(Reference.leadingName(of: leading))
  }
}

extension PlannedStage {
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
          : "there is: \(outputs.map { "\(name).\($0.name)" }.joined(separator: ", "))")
    }
    return outputs[0]
  }
}
