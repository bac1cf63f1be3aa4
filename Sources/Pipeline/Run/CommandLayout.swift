import Artefacts
import Glibc

extension CommandRun {
  /// Puts the inputs at their places in the folder of the command, and makes the folders in which its outputs are to stand.
  func layOut() throws {
    try placeInputs()
    for output in action.instance.outputs { try makeFolders(parent(of: scratch.work + "/" + output.place)) }
  }

  private func placeInputs() throws {
    // What stands at a place twice is the same: see `PlaceCheck`.
    var placed: Set<String> = []
    for member in action.inputs.flatMap(\.members) where placed.insert(member.place).inserted {
      let path = scratch.work + "/" + member.place
      try makeFolders(parent(of: path))
      try InputArtefact(member.artefact, key: member.key, origin: member.origin, store: store).write(to: path)
      if member.isExecutable, chmod(path, 0o555) != 0 {
        throw PipelineError(system: "make executable", path)
      }
    }
  }
}

private func parent(of path: String) -> String {
  let path = path.hasSuffix("/") ? path.dropLast() : path[...]
  return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
}
