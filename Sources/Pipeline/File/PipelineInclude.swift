import Actions

/// An entry of `include:`.
struct IncludeDeclaration: Sendable {
  /// As it is written.
  let file: String
  /// Of the file's name.
  let position: Position
  /// What stands before the names of its stages here.
  let prefix: String
  /// Values for its parameters.
  let values: [PipelineNode.Entry]
}

/// A file whose stages are part of another one's pipeline.
struct PipelineInclude: Sendable {
  let declaration: IncludeDeclaration
  let file: PipelineFile
}

extension PipelineReader {
  /// The files that `include:` names.
  func includes() throws(PipelineError) -> [IncludeDeclaration] {
    guard let node = section(.include), !node.isNull else { return [] }
    guard let elements = node.list else {
      throw PipelineError(
        "include: takes a list of files, not \(node.kind)", at: node.position,
        hint: "such as [{file: training.yaml, prefix: small-, with: {steps: 100}}]")
    }
    var includes: [IncludeDeclaration] = []
    for element in elements {
      try faults.attempt { () throws(PipelineError) in includes.append(try include(element)) }
    }
    return includes
  }

  private func include(_ node: PipelineNode) throws(PipelineError) -> IncludeDeclaration {
    if node.text != nil {
      return IncludeDeclaration(file: try file(node), position: node.position, prefix: "", values: [])
    }
    let entries = try mapping(node, "an entry of include:")
    try checkNames(entries, known: IncludeField.allCases.map(\.rawValue), of: "an entry of include:")
    func field(_ field: IncludeField) -> PipelineNode? {
      entries.first { $0.name == field.rawValue }?.value
    }
    guard let file = field(.file) else {
      throw PipelineError("an entry of include: has no file:", at: node.position)
    }
    var prefix = ""
    if let node = field(.prefix), !node.isNull {
      prefix = node.text ?? "?"
      guard prefix.utf8.allSatisfy(PipelineReader.isNameByte) else {
        throw PipelineError(
          "\(node.kind) cannot stand before the names of stages", at: node.position,
          hint: "a prefix has ASCII letters, digits, '_' and '-', as in 'small-'")
      }
    }
    return IncludeDeclaration(
      file: try self.file(file), position: file.position, prefix: prefix,
      values: try self.entries(field(.with), "with:", names: parameterNames))
  }

  private func file(_ node: PipelineNode) throws(PipelineError) -> String {
    guard let text = node.text, !node.isNull, !text.isEmpty, !text.utf8.contains(0), text.utf8.count < 4096
    else {
      throw PipelineError("file: takes the path of a pipeline file, not \(node.kind)", at: node.position)
    }
    if Expression.isNeeded(in: text) {
      throw PipelineError(
        "which file is included cannot depend on parameters", at: node.position,
        hint: "what differs can be given to it: with: {NAME: VALUE}")
    }
    return text
  }
}
