import Actions
import Artefacts
import System

extension CommandRun {
  /// Every input once: what stands at a place twice is the same (see `PlaceCheck`).
  var members: [ActionInput.Member] {
    var placed: Set<String> = []
    return action.inputs.flatMap(\.members).filter { placed.insert($0.place).inserted }
  }

  /// Makes the folders in which the outputs are to stand.
  func makeOutputFolders() throws {
    for output in action.outputs {
      try disk.makeFolders(parent(of: scratch.work + "/" + output.place))
    }
  }

  /// Puts copies of the inputs at their places in the folder of the command, in place of the mount points that may be there.
  func copyInputs() throws {
    for member in members {
      let path = scratch.work + "/" + member.place
      disk.removeAll(path)
      try disk.makeFolders(parent(of: path))
      try write(member, to: path)
    }
  }

  /// Writes an input as a file or folder with the usual modes: what keeps a command from writing to it is that it is mounted
  /// read-only, and what a command copies it can write to.
  func write(_ member: ActionInput.Member, to path: String) throws {
    try InputArtefact(member, in: store).write(to: path)
    if member.isExecutable { try disk.setMode(path, to: 0o755) }
    try disk.setUsualModes(path)
  }
}

private func parent(of path: String) -> String {
  parentFolder(of: path.hasSuffix("/") ? String(path.dropLast()) : path)
}
