import Actions
import Artefacts
import System

extension CommandRun {
  /// Puts the inputs at their places in the folder of the command, and makes the folders in which its outputs are to stand.
  func layOut() throws {
    try placeInputs()
    for output in action.outputs {
      try disk.makeFolders(parent(of: scratch.work + "/" + output.place))
    }
  }

  private func placeInputs() throws {
    // What stands at a place twice is the same: see `PlaceCheck`.
    var placed: Set<String> = []
    for member in action.inputs.flatMap(\.members) where placed.insert(member.place).inserted {
      let path = scratch.work + "/" + member.place
      try disk.makeFolders(parent(of: path))
      try InputArtefact(member, in: store).write(to: path)
      if member.isExecutable { try disk.setMode(path, to: 0o555) }
    }
  }
}

private func parent(of path: String) -> String {
  let path = path.hasSuffix("/") ? path.dropLast() : path[...]
  return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
}
