import Actions

extension PipelineReader {
  /// The most variables of a stage.
  private static let mostVariables = 16
  /// Among the variables, those that go through their values together.
  private static let zip = "zip"

  /// What `for:`, `where:` and `unless:` say.
  func fanOut(_ fields: [StageField: PipelineNode]) throws(PipelineError) -> FanOut {
    guard let node = fields[.for] else {
      for name in [StageField.where, .unless] {
        guard let field = fields[name] else { continue }
        throw PipelineError(
          "\(name.rawValue): chooses among the values of for:, which this stage has not", at: field.position)
      }
      return .none
    }
    var steps: [FanOut.Step] = []
    var names = parameterNames
    for entry in try mapping(node, "for:") {
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
    return FanOut(steps: steps, conditions: conditions)
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
