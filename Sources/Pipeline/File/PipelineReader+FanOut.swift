import Actions

extension PipelineReader {
  /// The most variables of a stage.
  private static let mostVariables = 16
  /// Among the variables, those that go through their values together.
  private static let zip = "zip"

  /// What `for:`, `chain:`, `where:` and `unless:` say.
  func fanOut(_ fields: [StageField: PipelineNode]) throws(PipelineError) -> FanOut {
    guard let node = fields[.for] ?? fields[.chain] else {
      for name in [StageField.where, .unless] {
        guard let field = fields[name] else { continue }
        throw PipelineError(
          "\(name.rawValue): chooses among the values of for: or chain:, and this stage has neither",
          at: field.position)
      }
      return .none
    }
    var steps: [FanOut.Step] = []
    var names = parameterNames
    var entries = try fields[.for].map { (node) throws(PipelineError) in try mapping(node, "for:") } ?? []
    let link = try fields[.chain].map { (node) throws(PipelineError) in try chain(node) }
    if let link { entries.append(link) }
    for entry in entries {
      let isZip = entry.name == PipelineReader.zip
      let variables = isZip ? try zipped(entry) : [entry]
      for variable in variables {
        try checkVariable(variable)
        try variable.value.check(names: names)
      }
      for variable in variables where !names.insert(variable.name).inserted {
        throw PipelineError("there are two variables '\(variable.name)'", at: variable.position)
      }
      steps.append(FanOut.Step(variables: variables, position: entry.position))
    }
    let variables = steps.flatMap(\.variables).map(\.name)
    if variables.count > PipelineReader.mostVariables {
      throw PipelineError(
        "for: has \(variables.count) variables; \(PipelineReader.mostVariables) is the most",
        at: node.position)
    }
    var conditions: [Condition] = []
    for name in [StageField.where, .unless] {
      guard let field = fields[name] else { continue }
      conditions.append(
        try Condition(field, field: name.rawValue, variables: variables, parameters: parameterNames))
    }
    return FanOut(steps: steps, conditions: conditions, isChain: link != nil)
  }

  /// The one variable of `chain:`.
  private func chain(_ node: PipelineNode) throws(PipelineError) -> PipelineNode.Entry {
    let entries = try mapping(node, "chain:")
    guard let entry = entries.first, entries.count == 1 else {
      throw PipelineError(
        "chain: takes one variable, not \(entries.count)", at: node.position,
        hint: "such as chain: { step: [1, 2, 4] }; with for: beside it, there is a chain for each combination"
      )
    }
    if entry.name == PipelineReader.zip {
      throw PipelineError("the variable of chain: cannot be called zip", at: entry.position)
    }
    return entry
  }

  private func zipped(_ entry: PipelineNode.Entry) throws(PipelineError) -> [PipelineNode.Entry] {
    guard let variables = entry.value.mapping, variables.count >= 2 else {
      throw PipelineError(
        "zip: takes a mapping of at least two variables", at: entry.value.position,
        hint: "such as zip: { size: [a, b], steps: [100, 200] }; no variable can be called zip")
    }
    return variables
  }

  private func checkVariable(_ entry: PipelineNode.Entry) throws(PipelineError) {
    try checkName(entry, "variable")
    if parameterNames.contains(entry.name) {
      throw PipelineError(
        "the variable '\(entry.name)' is called like a parameter", at: entry.position,
        hint: "give one of the two another name")
    }
  }
}
