import Actions

/// What `python:` of a stage says: where the Python environment comes from in which its command runs.
struct PythonDeclaration: Sendable {
  /// What stands in front of the path.
  enum Kind: String, CaseIterable {
    case venv, conda, requirements, lock, environment

    var help: String {
      switch self {
      case .venv: "The folder of a virtual environment that is there."
      case .conda: "The folder of a conda environment that is there."
      case .requirements: "A file of requirements, of which brake makes an environment once."
      case .lock: "A uv.lock beside its pyproject.toml, of which uv makes an environment once."
      case .environment:
        "An environment.yml, of which micromamba, mamba or conda makes a conda environment once."
      }
    }
  }

  let kind: Kind
  /// The path.
  let value: PipelineNode
}

extension PythonDeclaration {
  // No input of a stage's own has a dot in its name.
  static let requirementsInput = "python.requirements"
  static let lockInput = "python.lock"
  static let projectInput = "python.project"
  static let environmentInput = "python.environment"

  /// What uv calls its file, and reads beside it.
  static let lockFile = "uv.lock"
  private static let projectFile = "pyproject.toml"

  /// The files that it reads, as inputs of the stage; none for a folder that is there.
  var inputs: [PipelineNode.Entry] {
    let text = value.text ?? ""
    switch kind {
    case .venv, .conda: return []
    case .requirements: return [entry(PythonDeclaration.requirementsInput, text)]
    case .environment: return [entry(PythonDeclaration.environmentInput, text)]
    case .lock:
      let project = text.dropLast(PythonDeclaration.lockFile.count) + PythonDeclaration.projectFile
      return [
        entry(PythonDeclaration.lockInput, text), entry(PythonDeclaration.projectInput, String(project)),
      ]
    }
  }

  private func entry(_ name: String, _ path: String) -> PipelineNode.Entry {
    // It is a file, also where a stage is called like it.
    let isClear = path.isEmpty || path.hasPrefix("/") || path.hasPrefix("./")
    let file = PipelineNode(
      content: .scalar(isClear ? path : "./" + path, isPlain: false), position: value.position)
    return PipelineNode.Entry(name: name, position: value.position, value: file)
  }
}

extension PipelineReader {
  func python(_ node: PipelineNode?, _ names: Set<String>) throws(PipelineError) -> PythonDeclaration? {
    guard let node else { return nil }
    let hint =
      "write python: { venv: .venv }, python: { conda: ./env }, python: { requirements: requirements.txt }, python: { lock: uv.lock } or python: { environment: environment.yml }"
    guard let entries = node.mapping, entries.count == 1 else {
      throw PipelineError(
        "python: takes one of venv, conda, requirements, lock and environment, not \(node.mapping.map { "\($0.count) of them" } ?? node.kind)",
        at: node.position, hint: hint)
    }
    guard let kind = PythonDeclaration.Kind(rawValue: entries[0].name) else {
      throw PipelineError("python: has no '\(entries[0].name):'", at: entries[0].position, hint: hint)
    }
    let value = entries[0].value
    guard let text = value.text, !value.isNull, !text.isEmpty else {
      throw PipelineError("\(kind.rawValue): takes a path, not \(value.kind)", at: value.position, hint: hint)
    }
    guard kind != .lock || "/\(text)".hasSuffix("/\(PythonDeclaration.lockFile)") else {
      throw PipelineError(
        "lock: takes the path of a file that is called uv.lock, not '\(text.excerpt)'", at: value.position,
        hint: "uv lock writes it, beside pyproject.toml; for other files of versions there is requirements:")
    }
    try check(value, names: names)
    return PythonDeclaration(kind: kind, value: value)
  }
}
