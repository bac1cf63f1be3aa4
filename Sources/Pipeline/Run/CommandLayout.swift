import Artefacts

extension CommandRun {
  /// Puts the inputs at their places in the folder of the command, and makes the folders of its outputs.
  func layOut() throws {
    try placeInputs()
    for output in action.instance.outputs { try makeFolders(parent(of: scratch.work + "/" + output.file)) }
  }

  private func placeInputs() throws {
    var placed: Set<String> = []
    for member in action.inputs.flatMap(\.members) where placed.insert(member.place).inserted {
      let path = scratch.work + "/" + member.place
      if action.instance.outputs.contains(where: { $0.file == member.place }) {
        throw PipelineError(
          "'\(member.place)' is both an input and an output", hint: "give the output another name under out:")
      }
      try makeFolders(parent(of: path))
      try InputArtefact(member.artefact, key: member.key, origin: member.origin, store: store).write(to: path)
    }
  }
}

private func parent(of path: String) -> String {
  let path = path.hasSuffix("/") ? path.dropLast() : path[...]
  return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
}
