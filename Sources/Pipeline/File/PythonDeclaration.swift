import Actions

/// What `python:` of a stage says: where the Python environment comes from in which its command runs.
struct PythonDeclaration: Sendable {
  /// What stands in front of the path.
  enum Kind: String, CaseIterable {
    case venv, requirements

    var help: String {
      switch self {
      case .venv: "The folder of a virtual environment that is there."
      case .requirements: "A file of requirements, of which brake makes an environment once."
      }
    }
  }

  let kind: Kind
  /// The path.
  let value: PipelineNode
}

extension PythonDeclaration {
  /// The input that a file of requirements is. No input of a stage's own has a dot in its name.
  static let inputName = "python.requirements"

  /// The file that it reads, as an input of the stage; nil for a folder that is there.
  var input: PipelineNode.Entry? {
    guard kind == .requirements else { return nil }
    // It is a file, also where a stage is called like it.
    var file = value
    if let text = value.text, !text.hasPrefix("/"), !text.hasPrefix("./") {
      file = PipelineNode(content: .scalar("./" + text, isPlain: false), position: value.position)
    }
    return PipelineNode.Entry(name: PythonDeclaration.inputName, position: value.position, value: file)
  }
}

extension PipelineReader {
  func python(_ node: PipelineNode?, _ names: Set<String>) throws(PipelineError) -> PythonDeclaration? {
    guard let node else { return nil }
    let hint = "write python: { venv: .venv } or python: { requirements: requirements.txt }"
    guard let entries = node.mapping, entries.count == 1 else {
      throw PipelineError(
        "python: takes one of \(PythonDeclaration.Kind.allCases.map(\.rawValue).joined(separator: " and ")), not \(node.mapping.map { "\($0.count) of them" } ?? node.kind)",
        at: node.position, hint: hint)
    }
    guard let kind = PythonDeclaration.Kind(rawValue: entries[0].name) else {
      throw PipelineError("python: has no '\(entries[0].name):'", at: entries[0].position, hint: hint)
    }
    let value = entries[0].value
    guard let text = value.text, !value.isNull, !text.isEmpty else {
      throw PipelineError("\(kind.rawValue): takes a path, not \(value.kind)", at: value.position, hint: hint)
    }
    try check(value, names: names)
    return PythonDeclaration(kind: kind, value: value)
  }
}
