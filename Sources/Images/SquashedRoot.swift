import Artefacts
import System

/// The file system of an image that is one file of squashfs, which `unsquashfs` unpacks. What it would write is listed before, and counted.
struct SquashedRoot {
  let file: ImageFolder.File
  /// Of the image.
  let id: Digest
  let root: ImageRoot

  /// Unpacks it into a folder that is there.
  ///
  /// - Throws: `ImageChanged` if it is another one than it was, and what is wrong with it.
  func unpack(_ allowance: ImageAllowance, by programs: UnpackingPrograms) throws {
    // A copy, which nobody changes between the check and the use.
    let copy = root.path + ".squashfs"
    let bytes = HashedBytes(try file.bytes())
    defer { root.files.removeAll(copy) }
    try root.files.writeFile(copy, mode: 0o600) { try bytes.forEachPiece($0) }
    guard try ApptainerFile.id(bytes.finish()) == id else { throw ImageChanged() }
    let unsquashing = try Unsquashing(copy, to: root.path, files: root.files, by: programs)
    let entries = try unsquashing.count(against: allowance)
    try unsquashing.unpack()
    try own(atMost: entries)
  }

  /// Makes all of it readable for its owner and nothing more than files, folders and links, as layers become.
  private func own(atMost most: Int) throws {
    var entries = 0
    var open: [[String]] = [[]]
    while let folder = open.popLast() {
      try Task.checkCancellation()
      let path = try root.path(folder)
      guard let status = try root.files.entry(path), status.isFolder else { continue }
      try root.files.setMode(path, to: status.permissions | 0o700)
      var hasLost = false
      for name in try root.files.names(in: path) {
        entries += 1
        guard entries <= most else {
          throw ImageFault.refused("more files and folders than unsquashfs lists in it")
        }
        let inner = try root.path(folder + [name])
        guard let status = try root.files.entry(inner) else { continue }
        if status.isFolder {
          open.append(folder + [name])
        } else if status.isFile {
          try root.files.setMode(inner, to: status.permissions | 0o600)
        } else if !status.isLink {
          try root.files.remove(inner)
          hasLost = true
        }
      }
      if hasLost { try root.files.setModified(path, to: status.modified) }
    }
  }
}

/// What stands where an image was is another one by now.
package struct ImageChanged: Error {}
