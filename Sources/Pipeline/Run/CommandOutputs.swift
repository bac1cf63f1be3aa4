import Artefacts

extension CommandRun {
  /// A file that the command made and nobody declared is not kept; that is said, and is an error only where the stage
  /// wants it to be one.
  func reportUndeclared() throws {
    let inputs = Set(action.inputs.flatMap(\.members).map(\.place))
    let outputs = Set(
      action.instance.outputs.map { $0.file.hasSuffix("/") ? String($0.file.dropLast()) : $0.file })
    var extra: [String] = []
    func visit(_ folder: String) throws {
      // What cannot even be listed, such as a name that is no text, is no output.
      guard let names = try? names(in: scratch.work + "/" + folder) else {
        return extra.append(folder + "/…")
      }
      for name in names {
        let place = folder.isEmpty ? name : folder + "/" + name
        if inputs.contains(place) || outputs.contains(place) { continue }
        if try fileType(scratch.work + "/" + place) == .folder {
          try visit(place)
        } else {
          extra.append(place)
        }
      }
    }
    try visit("")
    if extra.isEmpty { return }
    let shown = extra.prefix(5).joined(separator: ", ") + (extra.count > 5 ? ", …" : "")
    let headline =
      "the command left \(extra.count == 1 ? "a file that is" : "\(extra.count) files that are") not declared"
    let hint = "declare what is wanted under out:, and write the rest to $TMPDIR"
    if command.refusesUndeclared { throw PipelineError(headline, facts: [("files", shown)], hint: hint) }
    notes.add("\(action.instance.name): \(headline) and not kept (\(shown)); \(hint)")
  }

  func collect(_ output: OutputDeclaration) throws -> [OutputFile] {
    let path = scratch.work + "/" + output.file
    guard let type = try fileType(path.hasSuffix("/") ? String(path.dropLast()) : path) else {
      throw PipelineError(
        "the output '\(output.name)' was not written", facts: [("file", output.file)],
        hint: "the command must leave it there; ${out.\(output.name)} stands for the path")
    }
    guard output.keyed else { return [OutputFile(name: output.name, key: nil, path: path)] }
    guard type == .folder else {
      throw PipelineError("the output '\(output.name)' is not a folder", facts: [("file", output.file)])
    }
    return try names(in: path).map { name in
      let dot = name.lastIndex(of: ".") ?? name.endIndex
      let key = dot == name.startIndex ? name : String(name[..<dot])
      try PlannedKeys.check(key, of: output.name)
      return OutputFile(name: output.name, key: key, path: path + (path.hasSuffix("/") ? "" : "/") + name)
    }
  }
}
