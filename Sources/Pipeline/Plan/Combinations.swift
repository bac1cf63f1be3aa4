import Actions
import JSON

/// Goes through all values of a stage's variables, step by step, and drafts an instance for each combination that its
/// conditions admit.
struct Combinations {
  /// Combinations that are looked at, however few of them the conditions leave.
  static let most = 10 * Planner.mostInstances

  private let expansion: InstanceExpansion
  private let stage: PlannedStage
  private let number: Int
  private(set) var drafts: [Draft] = []
  private(set) var waitsFor = AwaitedOutputs()
  /// Whether more values of a variable will come.
  private(set) var isPartial = false
  /// Instances of all stages so far.
  private(set) var total: Int
  private var visited = 0
  /// Of each step that does not depend on another one, its values.
  private var known: [[[Binding]]?]
  /// Of each number of steps, the conditions that these decide.
  private let conditions: [[Condition]]

  init(expansion: InstanceExpansion, stage: PlannedStage, number: Int, total: Int) {
    self.expansion = expansion
    self.stage = stage
    self.number = number
    self.total = total
    let steps = stage.declaration.fanOut.steps
    known = steps.map { _ in nil }
    var conditions = [[Condition]](repeating: [], count: steps.count + 1)
    for condition in stage.declaration.fanOut.conditions {
      let last = steps.lastIndex { step in
        step.variables.contains { variable in
          condition.names.contains { Expression.variable(of: $0) == variable.name }
        }
      }
      conditions[last.map { $0 + 1 } ?? 0].append(condition)
    }
    self.conditions = conditions
  }

  mutating func combine() throws(PipelineError) { try combine(0, []) }

  private mutating func combine(_ step: Int, _ bindings: [Binding]) throws(PipelineError) {
    visited += 1
    if visited > Combinations.most {
      throw PipelineError(
        "the variables of '\(stage.name)' have more than \(Combinations.most) combinations",
        at: stage.declaration.position)
    }
    for condition in conditions[step] where try !holds(condition, bindings) { return }
    guard step < stage.steps.count else { return try draft(bindings) }
    guard let rows = try rows(step, bindings) else { return }
    for row in rows { try combine(step + 1, bindings + row) }
  }

  private func holds(_ condition: Condition, _ bindings: [Binding]) throws(PipelineError) -> Bool {
    try condition.holds { (name, position) throws(PipelineError) in
      guard let slot = stage.names.slot(name) else {
        return try stage.names.scope.value(of: name, at: position)
      }
      return try slot.value(bindings, at: position)
    }
  }

  private mutating func draft(_ bindings: [Binding]) throws(PipelineError) {
    total += 1
    if total > Planner.mostInstances {
      throw PipelineError(
        "the pipeline has more than \(Planner.mostInstances) instances", at: stage.declaration.position,
        facts: [("stage", stage.name)])
    }
    let keys = bindings.map(\.key)
    let name = keys.isEmpty ? stage.name : StageInstance.name(of: stage.name, keys)
    drafts.append(
      Draft(keys: keys, name: name, bindings: bindings, parameters: try stage.parameters(bindings)))
  }

  // MARK: Steps

  /// The values of a step's variables: a row for each time that it goes round. Nil if nobody knows them yet.
  private mutating func rows(_ step: Int, _ bindings: [Binding]) throws(PipelineError) -> [[Binding]]? {
    if let rows = known[step] { return rows }
    let variables = stage.steps[step]
    var columns: [[Binding]] = []
    for variable in variables {
      guard let column = try values(of: variable, bindings, isZipped: variables.count > 1) else { return nil }
      columns.append(column)
    }
    let rows: [[Binding]]
    if columns.count == 1 {
      rows = columns[0].map { [$0] }
    } else {
      rows = try zipped(columns, variables, at: stage.declaration.fanOut.steps[step].position)
    }
    if step == stage.steps.count - 1, stage.declaration.fanOut.isChain {
      try checkLinks(columns[0].map(\.value), of: variables[0])
    }
    if variables.allSatisfy({ $0.domain.fixed != nil }) { known[step] = rows }
    return rows
  }

  /// The steps of a chain are whole numbers, each larger than the one before it.
  private func checkLinks(
    _ values: [PipelineNode], of variable: PlannedStage.Variable
  ) throws(PipelineError) {
    var last: Int?
    for value in values {
      guard let text = value.text, let step = Int(text), step >= 0 else {
        throw PipelineError(
          "the link '\((value.text ?? value.kind).excerpt)' of '\(stage.name)' is no step",
          at: value.position,
          hint: "the variable of chain: runs over whole numbers, such as [1, 2, 4]")
      }
      if let last, step <= last {
        throw PipelineError(
          "the steps of the chain '\(stage.name)' do not increase: \(step) comes behind \(last)",
          at: value.position, facts: [("variable", variable.name)],
          hint: "each link goes on from the one before it")
      }
      last = step
    }
  }

  private func zipped(
    _ columns: [[Binding]], _ variables: [PlannedStage.Variable], at position: Position
  ) throws(PipelineError) -> [[Binding]] {
    for (column, variable) in zip(columns, variables) where column.count != columns[0].count {
      throw PipelineError(
        "the variables of zip: have different numbers of values", at: variable.domain.position,
        facts: zip(variables, columns).map { ($0.name, String($1.count)) },
        hint: "zip: takes the first value of each, then the second of each, and so on")
    }
    let rows = (columns.first ?? []).indices.map { row in columns.map { $0[row] } }
    var seen: Set<[String]> = []
    for row in rows where !seen.insert(row.map(\.key)).inserted {
      throw PipelineError(
        "'\(row.map(\.key).joined(separator: ","))' is twice among the values of zip:", at: position)
    }
    return rows
  }

  /// All values of one variable; nil if they are the keys of an output that nobody knows yet.
  private mutating func values(
    of variable: PlannedStage.Variable, _ bindings: [Binding], isZipped: Bool
  ) throws(PipelineError) -> [Binding]? {
    let node = try variable.domain.value(bindings)
    let keys = try PlannedKeys(
      node, variable: variable.name, repeats: isZipped, isStage: { stage.namespace.stages[$0] != nil })
    // What will stand in these places depends on what else will come.
    let isOrdered = isZipped || stage.declaration.fanOut.isChain
    return try values(of: keys, variable, at: node.position, mayGrow: !isOrdered)
  }

  private mutating func values(
    of keys: PlannedKeys, _ variable: PlannedStage.Variable, at position: Position, mayGrow: Bool
  ) throws(PipelineError) -> [Binding]? {
    switch keys {
    case .values(let values): return values.map { Binding($0) }
    case .table(let rows): return rows.map { Binding($0.key, row: $0.row) }
    case .pairs(let inner, let pairing):
      guard let values = try self.values(of: inner, variable, at: pairing.position, mayGrow: false) else {
        return nil
      }
      return try pairing.pairs(values.map(\.value))
    case .reference(let reference):
      guard expansion.dependencies[number].contains(stage.namespace.stages[reference.stage]!) else {
        throw PipelineError(
          "the stage that '\(variable.name)' runs over depends on a variable", at: position,
          hint: "write the stage's name out: only its keys can be variables")
      }
      let known: [String]
      switch try expansion.members(of: reference, in: stage.namespace, at: position) {
      case .known(let keys): known = keys
      case .growing(let keys, _) where mayGrow:
        isPartial = true
        known = keys
      case .growing(_, let output):
        waitsFor.insert([output])
        return nil
      case .unknown(let outputs):
        waitsFor.insert(outputs)
        return nil
      }
      // A key may be a number where one is wanted, and is never nothing.
      let values = known.map { key in
        PipelineNode(content: .scalar(key, isPlain: !JSON(plain: key).isNull), position: position)
      }
      try PlannedKeys.check(values, variable.name)
      return values.map { Binding($0) }
    }
  }
}
