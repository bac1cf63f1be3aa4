import Actions

/// The files that a command writes, read once for all instances of its stage.
struct OpenOutputs {
  private let entries: [(output: OutputDeclaration, file: OpenValue)]
  /// Of files that are the same for all instances.
  private let fixed: [OutputDeclaration]?

  /// - Parameter outputs: of the entries, with files that may still hold expressions.
  init(
    _ entries: [PipelineNode.Entry], _ outputs: [OutputDeclaration], _ names: StageNames
  ) throws(PipelineError) {
    var pairs: [(output: OutputDeclaration, file: OpenValue)] = []
    for (output, entry) in zip(outputs, entries) { pairs.append((output, try OpenValue(entry.value, names))) }
    self.entries = pairs
    fixed = pairs.allSatisfy { $0.file.fixed != nil } ? try OpenOutputs.declarations(pairs, []) : nil
  }

  /// Those of one instance.
  func declarations(_ bindings: [Binding]) throws(PipelineError) -> [OutputDeclaration] {
    if let fixed { return fixed }
    return try OpenOutputs.declarations(entries, bindings)
  }

  private static func declarations(
    _ entries: [(output: OutputDeclaration, file: OpenValue)], _ bindings: [Binding]
  ) throws(PipelineError) -> [OutputDeclaration] {
    var files: [OutputDeclaration] = []
    files.reserveCapacity(entries.count)
    for (output, value) in entries {
      let position = value.position
      let text = try value.text(bindings)
      try check(text, of: output, at: position)
      let path = try RelativePath(text, what: "output", at: position)
      guard !path.isEmpty else {
        throw PipelineError("'\(text)' is the folder in which the command runs", at: position)
      }
      var file = path.text
      if text.hasSuffix("/") { file += "/" } else if output.keyed, !file.contains("/") { file = "./" + file }
      let declaration = OutputDeclaration(output.name, file: file, keyed: output.keyed, help: "")
      if let other = files.first(where: declaration.overlaps) {
        throw PipelineError(
          "the outputs '\(other.name)' and '\(output.name)' overlap: '\(other.file)' and '\(text)'",
          at: position)
      }
      files.append(declaration)
    }
    return files
  }

  /// Whether an output has members must be seen in the file itself.
  private static func check(
    _ text: String, of output: OutputDeclaration, at position: Position
  ) throws(PipelineError) {
    let stars = text.count { $0 == "*" }
    guard output.file.count(where: { $0 == "*" }) == stars else {
      throw PipelineError("the '*' of a pattern must be written in out: itself", at: position)
    }
    guard (text.hasSuffix("/") || stars > 0) == output.keyed else {
      throw PipelineError("the '/' of a folder must be written in out: itself", at: position)
    }
    if stars == 0 { return }
    guard stars == 1, text[text.firstIndex(of: "*")!...].contains("/") == false else {
      throw PipelineError(
        "'\(text)' is no pattern: it has one '*', in its last part", at: position,
        hint: "as in ckpt/step-*.pt; what stands for the '*' is the member's key")
    }
  }
}
