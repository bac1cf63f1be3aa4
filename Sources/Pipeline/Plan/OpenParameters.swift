import Actions
import JSON
import System

/// The parameters of a stage's operation, read once for all its instances.
struct OpenParameters {
  private struct Entry {
    let declaration: any ParameterDeclaration
    let value: OpenValue
  }

  private let operation: any Operation
  private let stage: String
  private let position: Position
  private let positions: [String: Position]
  private let entries: [Entry]
  /// Of the parameters that are the same for all instances, the values.
  private let common: [String: JSON]
  /// All, if all are the same.
  private let fixed: ParameterValues?

  /// - Precondition: the operation has all parameters that the entries name.
  init(
    _ entries: [PipelineNode.Entry], of operation: any Operation, _ declaration: StageDeclaration,
    _ names: StageNames, _ faults: Faults
  ) throws(PipelineError) {
    self.operation = operation
    stage = declaration.name
    position = declaration.position
    var given: [String: PipelineNode.Entry] = [:]
    for entry in entries { given[entry.name] = entry }
    var open: [Entry] = []
    var common: [String: JSON] = [:]
    for parameter in operation.parameters {
      guard let entry = given[parameter.name] else {
        if let value = parameter.defaultValue {
          common[parameter.name] = value
        } else if !declaration.unread.contains(.with) {
          try faults.take(
            OpenParameters.error(
              ParameterError(parameter.name, "needs a value (\(parameter.type))"), operation, stage, position)
          )
        }
        continue
      }
      guard
        let value = try faults.attempt({ () throws(PipelineError) in try OpenValue(entry.value, names) })
      else { continue }
      guard let node = value.fixed else {
        open.append(Entry(declaration: parameter, value: value))
        continue
      }
      do {
        common[parameter.name] = try parameter.canonical(OpenParameters.json(node, for: parameter))
      } catch {
        try faults.take(OpenParameters.error(error, operation, stage, entry.value.position))
      }
    }
    self.entries = open
    self.common = common
    positions = given.mapValues(\.value.position)
    // What holds between parameters is looked at where each of them has a value.
    let areComplete = operation.parameters.allSatisfy { common[$0.name] != nil }
    fixed = areComplete ? ParameterValues(canonical: common) : nil
    if let fixed {
      do {
        try operation.validate(fixed)
      } catch {
        throw OpenParameters.error(error, operation, stage, positions[error.parameter] ?? position)
      }
    }
  }

  /// The values of one instance.
  func values(_ bindings: [Binding]) throws(PipelineError) -> ParameterValues {
    if let fixed { return fixed }
    var values = common
    do {
      for entry in entries {
        let node = try entry.value.value(bindings)
        values[entry.declaration.name] = try entry.declaration.canonical(
          OpenParameters.json(node, for: entry.declaration))
      }
      let checked = ParameterValues(canonical: values)
      try operation.validate(checked)
      return checked
    } catch let error as ParameterError {
      throw OpenParameters.error(error, operation, stage, positions[error.parameter] ?? position)
    } catch {
      throw PipelineError(wrapping: error)
    }
  }

  /// Text keeps the form in which the file has it: a run may be called 007 or 1e3.
  private static func json(_ value: PipelineNode, for parameter: any ParameterDeclaration) -> JSON {
    switch parameter {
    case is Parameter<String>, is Parameter<[String]>, is Parameter<[String: String]>:
      value.isNull ? .null : value.verbatim
    default: value.json
    }
  }

  private static func error(
    _ error: ParameterError, _ operation: any Operation, _ stage: String, _ position: Position
  ) -> PipelineError {
    let declared = operation.parameters.first { $0.name == error.parameter }
    return PipelineError(
      error.description, at: position,
      facts: [("stage", stage), ("operation", operation.name)] + (error.cause?.facts ?? []),
      hint: error.cause?.hint ?? declared.map { "\($0.name): \($0.help)" })
  }
}
