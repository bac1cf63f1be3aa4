import JSON

/// A stage with its operation looked up, and checked as far as it can be before it is expanded. (A class only because it is
/// passed around often and large.)
final class PlannedStage {
  enum Work {
    case operation(any Operation, [PipelineNode.Entry])
    case command(CommandDeclaration)
  }

  let declaration: StageDeclaration
  let work: Work
  /// Of a command, files may still hold expressions.
  let outputs: [OutputDeclaration]

  var name: String { declaration.name }
  var variables: [String] { declaration.variables.map(\.name) }

  init(_ declaration: StageDeclaration, registry: OperationRegistry) throws(PipelineError) {
    self.declaration = declaration
    switch declaration.work {
    case .command(let command):
      work = .command(command)
      outputs = try command.outputs.map { (entry) throws(PipelineError) in
        guard let file = entry.value.text else {
          throw PipelineError(
            "the output '\(entry.name)' takes a file name, not \(entry.value.kind)", at: entry.value.position)
        }
        return OutputDeclaration(
          entry.name, file: file, keyed: file.hasSuffix("/") || file.contains("*"), help: "")
      }
    case .operation(let name, let parameters):
      guard let text = name.text, let operation = registry[text] else {
        throw PipelineError(
          "there is no operation \(name.kind)", at: name.position,
          facts: [("stage", declaration.name)],
          hint: Suggestion.nearest(to: name.text ?? "", among: registry.operations.map(\.name)).map {
            "did you mean '\($0)'?"
          } ?? "brake operations lists them all")
      }
      work = .operation(operation, parameters)
      outputs = operation.outputs
      try checkNames(parameters, "parameter", of: operation, among: operation.parameters.map(\.name))
      try checkNames(declaration.inputs, "input", of: operation, among: operation.inputs.map(\.name))
      for input in operation.inputs where input.cardinality == .one {
        guard declaration.inputs.contains(where: { $0.name == input.name }) else {
          throw PipelineError(
            "the input '\(input.name)' is missing", at: declaration.position,
            facts: [("stage", declaration.name), ("operation", operation.name)],
            hint: "in: { \(input.name): ... }, \(input.help)")
        }
      }
    }
  }

  private func checkNames(
    _ entries: [PipelineNode.Entry], _ what: String, of operation: any Operation, among names: [String]
  ) throws(PipelineError) {
    for entry in entries where !names.contains(entry.name) {
      throw PipelineError(
        "\(operation.name) has no \(what) '\(entry.name)'", at: entry.position,
        facts: [("stage", declaration.name)],
        hint: Suggestion.hint(for: entry.name, among: names) ?? "it takes no \(what)s")
    }
  }

  /// How many artefacts an input takes; nil for a command's, which take what they are given.
  func cardinality(of input: String) -> InputDeclaration.Cardinality? {
    guard case .operation(let operation, _) = work else { return nil }
    return operation.inputs.first { $0.name == input }?.cardinality
  }

  // MARK: Parameters

  /// The operation's parameters under one assignment of the variables; nil for a command.
  func parameters(_ scope: ExpressionScope) throws(PipelineError) -> ParameterValues? {
    guard case .operation(let operation, let entries) = work else { return nil }
    var given: [String: JSON] = [:]
    for entry in entries {
      given[entry.name] = json(try scope.evaluate(entry.value), for: entry, of: operation)
    }
    do {
      let values = try ParameterValues(given, declarations: operation.parameters)
      try operation.validate(values)
      return values
    } catch {
      throw self.error(error, operation, entries)
    }
  }

  /// Checks the parameters and resources that do not depend on variables whose values are not known yet.
  func checkConstants(_ scope: ExpressionScope) throws(PipelineError) {
    _ = try resources(scope, constant: true)
    guard case .operation(let operation, let entries) = work else { return }
    for entry in entries where !entry.value.uses(variables) {
      let value = json(try scope.evaluate(entry.value), for: entry, of: operation)
      do {
        _ = try operation.parameters.first { $0.name == entry.name }?.canonical(value)
      } catch {
        throw self.error(error, operation, entries)
      }
    }
  }

  /// Text keeps the form in which the file has it: a run may be called 007 or 1e3.
  private func json(_ value: PipelineNode, for entry: PipelineNode.Entry, of operation: any Operation) -> JSON
  {
    switch operation.parameters.first(where: { $0.name == entry.name }) {
    case is Parameter<String>, is Parameter<[String]>, is Parameter<[String: String]>:
      value.isNull ? .null : value.verbatim
    default: value.json
    }
  }

  private func error(
    _ error: ParameterError, _ operation: any Operation, _ entries: [PipelineNode.Entry]
  ) -> PipelineError {
    let declared = operation.parameters.first { $0.name == error.parameter }
    return PipelineError(
      error.description,
      at: entries.first { $0.name == error.parameter }?.value.position ?? declaration.position,
      facts: [("stage", name), ("operation", operation.name)],
      hint: declared.map { "\($0.name): \($0.help)" })
  }
}
