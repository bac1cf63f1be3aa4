import Actions
import Artefacts
import System

extension CommandRun {
  /// A file that the command made and nobody declared is not kept; that is said, and is an error only where the stage
  /// wants it to be one.
  func reportUndeclared() throws {
    let inputs = Set(action.inputs.flatMap(\.members).map(\.place))
    let outputs = action.outputs
    var extra: [String] = []
    func visit(_ folder: String) throws {
      // What cannot even be listed, such as a name that is no text, is no output.
      guard let names = try? disk.names(in: scratch.work + "/" + folder) else {
        return extra.append(folder + "/…")
      }
      for name in names {
        let place = folder.isEmpty ? name : folder + "/" + name
        if inputs.contains(place) || outputs.contains(where: { $0.claims(place) }) { continue }
        if try disk.entry(scratch.work + "/" + place)?.isFolder == true {
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
    notes.add("\(action.name): \(headline) and not kept (\(shown)); \(hint)")
  }

  /// What the command left at the places of its outputs.
  func collect() throws -> [OutputFile] {
    var links = try outputLinks()
    let files = try action.outputs.flatMap { try collect($0, &links) }
    for file in files { try links.check(file.path, of: file.name) }
    var owners: [String: String] = [:]
    for file in files {
      if let other = owners.updateValue(file.name, forKey: file.path) {
        throw PipelineError(
          "'\(file.path.dropFirst(scratch.work.count + 1))' belongs to two outputs, '\(other)' and '\(file.name)'",
          hint: "no file may match the patterns of two outputs")
      }
    }
    return files
  }

  private func collect(_ output: OutputDeclaration, _ links: inout OutputLinks) throws -> [OutputFile] {
    let path = scratch.work + "/" + output.place
    guard let status = try disk.entry(path) else { throw unwritten(output) }
    guard output.keyed else { return [OutputFile(name: output.name, key: nil, path: path)] }
    guard status.isFolder || status.isLink else {
      throw PipelineError("the output '\(output.name)' is not a folder", facts: [("file", output.place)])
    }
    // A link that stands for the folder.
    if status.isLink { try links.check(path, of: output.name) }
    let members = output.members
    var files: [String: String] = [:]
    let found = try disk.names(in: path).compactMap { name -> OutputFile? in
      guard let key = members.key(of: name, isFolder: try disk.entry(path + "/" + name)?.isFolder == true)
      else {
        return nil
      }
      try MemberKey.check(key, of: output.name)
      if let fault = EntryName.fault(of: name) {
        throw PipelineError(
          "the output '\(output.name)' cannot have a file '\(name.debugDescription)': \(fault)")
      }
      if let other = files.updateValue(name, forKey: key) { throw twins(other, name, key, output) }
      return OutputFile(name: output.name, key: key, path: path + "/" + name)
    }
    if found.isEmpty, case .pattern = members { throw unwritten(output) }
    return found
  }

  /// Where inputs were mounted, nothing stands at their places now: a link to one finds a copy that is put there.
  private func outputLinks() throws -> OutputLinks {
    guard case .sandbox = confinement else { return try OutputLinks(work: scratch.work, files: disk) }
    return try OutputLinks(work: scratch.work, files: disk, inputs: members.map(\.place), bring: copyInputs)
  }

  private func unwritten(_ output: OutputDeclaration) -> PipelineError {
    PipelineError(
      "the output '\(output.name)' was not written", facts: [("file", output.file)],
      hint: "the command must leave it there; ${out.\(output.name)} stands for the path")
  }

  private func twins(_ first: String, _ second: String, _ key: String, _ output: OutputDeclaration)
    -> PipelineError
  {
    let folder = output.place == "." ? "" : output.place + "/"
    let type = second.lastIndex(of: ".").map { second[$0...] } ?? ""
    return PipelineError(
      "two members of the output '\(output.name)' have the key '\(key)'",
      facts: [("files", "\(folder)\(first) and \(folder)\(second)")],
      hint:
        "say under out: which are meant, as in \(output.name): \"\(folder)*\(type)\", and in another output which others; "
        + "\"\(folder)*\" makes whole names the keys")
  }
}
