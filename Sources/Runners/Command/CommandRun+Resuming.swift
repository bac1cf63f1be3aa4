import Actions
import Artefacts
import System

extension CommandRun {
  /// Copies what an earlier attempt had kept to where it was, in the folder of the command, but for what has something in its place.
  ///
  /// - Parameter kept: the folder that has it.
  /// - Returns: the places of what was copied, and of the entries of the folders of outputs in which it is.
  func placeKept(_ kept: String) throws -> Set<String> {
    var places: Set<String> = []
    for file in try keptFiles(kept, "") {
      let target = scratch.work + "/" + file.place
      guard try disk.entry(target) == nil else { continue }
      try disk.makeFolders(parentFolder(of: target))
      let source = try InputFile("\(kept)/\(file.place)", followingLinks: false, files: disk)
      try disk.copy(0..<source.size, of: source, to: target, mode: 0o644 | file.status.executeMode)
      // Programs take the newest one to go on from.
      try? disk.setModified(target, to: file.status.modified)
      try disk.synchronise(target)
      watcher.placed(file.place, scratch.work)
      places.insert(file.place)
      for output in action.outputs where output.keyed && output.claims(file.place) {
        let depth = output.place == "." ? 1 : output.place.split(separator: "/").count + 1
        places.insert(file.place.split(separator: "/").prefix(depth).joined(separator: "/"))
      }
    }
    return places
  }

  private func keptFiles(_ kept: String, _ folder: String) throws -> [(place: String, status: FileStatus)] {
    try disk.names(in: folder.isEmpty ? kept : kept + "/" + folder).sorted().flatMap {
      name -> [(place: String, status: FileStatus)] in
      let place = folder.isEmpty ? name : folder + "/" + name
      guard !name.hasPrefix("."), let status = try disk.entry(kept + "/" + place) else { return [] }
      if status.isFolder { return try keptFiles(kept, place) }
      return status.isFile ? [(place, status)] : []
    }
  }
}
