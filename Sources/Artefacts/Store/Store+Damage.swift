package import System

extension Store {
  /// The error for an object that is not there.
  func missing(_ digest: Digest) -> Failure {
    forgetWhole()
    let makers = makers(of: digest)
    let isRemoved = (try? removedObjects().contains(digest)) == true
    return Failure(
      .notFound,
      "there is no object \(digest) in \(root)\(isRemoved ? ": it was removed to save room" : "")\(makers.message)",
      hint: makers.hint, object: digest)
  }

  /// Moves a damaged object out of the way, so that the next who has the bytes can store them again.
  /// - Parameter status: of the file in which the damage was seen. Another process may have put a good one there since.
  /// - Returns: the error to throw.
  func quarantine(_ digest: Digest, _ status: FileStatus, _ reason: String) -> Failure {
    forgetWhole()
    let moved = moveToQuarantine(objectPath(digest), named: digest.hex, status)
    let makers = makers(of: digest)
    return Failure(
      .damaged,
      "the object \(digest) in \(root) is damaged: \(reason)\(moved.map { "; it is now \($0)" } ?? "")\(makers.message)",
      hint: makers.hint, object: digest)
  }

  /// The error for an object in a segment that is damaged; the segment is moved out of the way.
  func damaged(_ digest: Digest, in file: SegmentFile, _ reason: String) -> Failure {
    forgetWhole()
    let makers = makers(of: digest)
    return Failure(
      .damaged, "the object \(digest) in \(root) is damaged: \(reason)\(setAside(file))\(makers.message)",
      hint: makers.hint, object: digest)
  }

  /// The error for an object that the system could not read; any other as it is.
  func unreadable(_ digest: Digest, _ error: Failure) -> Failure {
    if error.code != .unreadable || error.object != nil { return error }
    return Failure(
      .unreadable, "the object \(digest) in \(root) cannot be read, and stays where it is: \(error.headline)",
      facts: error.facts,
      hint: error.hint ?? "try again; if it cannot be read then either, "
        + (makers(of: digest).hint ?? ""),
      object: digest, cause: error.cause)
  }

  /// Moves an object that cannot be read out of the way of one that can.
  func setAside(_ digest: Digest) throws {
    guard let status = try files.status(objectPath(digest)) else { return }
    _ = moveToQuarantine(objectPath(digest), named: digest.hex, status)
  }

  /// Moves a damaged file of the store that is neither an object nor a segment out of the way.
  /// - Returns: where it is now; nil if it stayed.
  package func quarantine(file path: String, _ status: FileStatus) -> String? {
    let name = path.split(separator: "/").last.map(String.init) ?? "file"
    return moveToQuarantine(path, named: name, status)
  }

  /// - Returns: where the file is now; nil if it stayed, or was another by then.
  func moveToQuarantine(_ path: String, named name: String, _ status: FileStatus) -> String? {
    let target = "\(root)/quarantine/\(name)-\(status.inode)-\(status.changed)"
    guard let now = try? files.status(path), now.isSameFile(as: status),
      // What stands in a folder that a link leads to is not the store's to move.
      (try? files.status(parentFolder(of: path), followingLinks: false))?.isFolder == true
    else { return nil }
    do {
      try makeFolders(root + "/quarantine")
      try files.rename(path, to: target)
      // Between the look and the rename another process may have replaced the file by a good one.
      if let moved = try files.status(target), !moved.isSameFile(as: status) {
        if try files.renameIfAbsent(target, to: path) { return nil }
      }
      return target
    } catch {
      return nil
    }
  }

  /// Which actions can make an object again.
  private func makers(of digest: Digest) -> (message: String, hint: String?) {
    var keys: [Digest] = []
    var stage: String?
    guard let records = try? digests(under: "actions") else { return ("", nil) }
    for key in records {
      // Read directly: a damaged record is not what this error is about.
      guard let bytes = try? recordBytes(key), let record = try? RecordFile.read(bytes, key: key) else {
        continue
      }
      if record.log == digest || record.outputs.contains(where: { $0.artefact.digest == digest }) {
        keys.append(key)
        stage = stage ?? record.stage
      }
    }
    guard let stage else {
      return ("; no record here says how to make it", "put the file that it came from again")
    }
    let names = keys.prefix(3).map(\.hex).joined(separator: ", ")
    return (
      "; it can be made again as the record \(names) says",
      "brake run \(ShellText.quoted(stage)), with the parameters that it had, makes it again; brake pull fetches it where another place has it"
    )
  }
}
