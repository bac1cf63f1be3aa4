internal import System

/// Objects that were removed although a record names them: lists of digests in `removed/`, so that nobody takes them for lost.
/// That an object is in one says nothing while the object is there.
extension Store {
  /// Notes what is about to be removed, durably, and forgets what is no longer named.
  /// - Parameter keep: whether it still matters that an object was removed.
  public func noteRemoved(_ digests: Set<Digest>, keeping keep: (Digest) -> Bool) throws {
    let old = try namesOfFiles(in: "removed")
    let all = try removedObjects().union(digests).filter(keep).sorted()
    let bytes = DigestList.bytes(all)
    let name = Digest(of: bytes).hex
    if !all.isEmpty, !old.contains(name) { try withRoom { try write(bytes, as: name, in: "removed") } }
    // What another process has added in the meantime is in a file that is not in the list.
    for other in old where other != name || all.isEmpty { try? files.remove("\(root)/removed/\(other)") }
  }

  /// All that was removed, be it there again or not.
  public func removedObjects() throws -> Set<Digest> {
    // The names of the files say what is in them.
    let folder = root + "/removed"
    guard try files.entry(folder)?.isFolder == true else { return [] }
    return try knownRemoved(try files.names(in: folder)) { try digests(inFilesOf: "removed") }
  }

  /// Objects that are there again are no longer removed: if they are lost now, they are lost.
  func noteBack(_ digests: [Digest]) throws {
    let removed = try removedObjects()
    if removed.isEmpty { return }
    let back = Set(digests.filter(removed.contains))
    if back.isEmpty { return }
    try noteRemoved([]) { !back.contains($0) }
    try noteGone(back)
  }

  /// Notes once more what is no longer there: another process may have set it aside when it was still noted as removed.
  /// - Parameter digests: what was there, and so was forgotten just now.
  public func noteGone(_ digests: Set<Digest>) throws {
    let gone = try digests.filter { try !contains($0) }
    if !gone.isEmpty { try noteRemoved(gone) { _ in true } }
  }

  /// Has records that came from elsewhere committed. What they name and is not here stays there, and is not lost: it counts as removed.
  /// - Parameters:
  ///   - coming: objects that are committed with them.
  ///   - commit: makes the records visible.
  public func leavingOut(
    _ artefacts: some Sequence<Artefact>, coming: Set<Digest> = [], _ commit: () throws -> Void
  ) throws {
    let left = Set(artefacts.map(\.digest)).subtracting(coming)
    let out = try left.filter { try !contains($0) }
    if !out.isEmpty { try noteRemoved(out) { _ in true } }
    try commit()
    // Whoever has collected in between has forgotten what no record named until now.
    if !out.isEmpty { try noteGone(out) }
  }

  /// Those artefacts of which everything is there, or is missing without having been removed on purpose.
  public func unremoved(_ artefacts: [Artefact]) throws -> [Artefact] {
    let removed = try removedObjects()
    if removed.isEmpty { return artefacts }
    return try artefacts.filter { try firstLost(of: $0).map(removed.contains) != true }
  }

  /// What of some artefacts is not in the store any more, and whether all of that was removed and nothing is lost.
  public func wasRemoved(_ artefacts: some Sequence<Artefact>) throws -> Bool {
    let removed = try removedObjects()
    if removed.isEmpty { return false }
    return try artefacts.allSatisfy { try firstLost(of: $0).map(removed.contains) ?? true }
  }
}
