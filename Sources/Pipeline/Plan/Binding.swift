import Actions

/// One value of a `for:` variable. (A class, since many instances share it.)
final class Binding: Sendable {
  let value: PipelineNode
  /// Its columns: `${VARIABLE.COLUMN}`.
  let row: [PipelineNode.Entry]

  init(_ value: PipelineNode, row: [PipelineNode.Entry] = []) {
    self.value = value
    self.row = row
  }

  /// What names of instances and files have of it.
  var key: String { value.text ?? "" }
}

/// A `for:` variable, or a column of it, in a value that is still open.
struct Slot {
  /// Counted in the order of the stage's variables.
  let variable: Int
  let column: String?
  /// As the file writes it: `run.batch`.
  let name: String

  func value(_ bindings: [Binding], at position: Position) throws(PipelineError) -> PipelineNode {
    let binding = bindings[variable]
    guard let column else { return binding.value }
    guard let value = binding.row.first(where: { $0.name == column })?.value else {
      let variable = Expression.variable(of: name)
      throw PipelineError(
        "'\(binding.key.excerpt)' has no ${\(name)}", at: position,
        hint: binding.row.isEmpty
          ? "a variable has values of its own where it runs over a mapping of mappings"
          : "it has \(binding.row.map { "${\(variable).\($0.name)}" }.joined(separator: ", "))")
    }
    if value.isNull { throw PipelineError("${\(name)} has no value", at: position) }
    return value
  }

  func text(_ bindings: [Binding], at position: Position) throws(PipelineError) -> String {
    let value = try value(bindings, at: position)
    guard let text = value.text else {
      throw PipelineError("'\(name)' is \(value.kind), which cannot stand inside a text", at: position)
    }
    return text
  }
}
