internal import System

/// Artefacts that somebody wants to be kept, whatever else is collected: an empty file `pins/DIGEST` each.
extension Store {
  /// Keeps an artefact, durably.
  /// - Throws: `.notFound` if the store does not have all of it.
  public func pin(_ digest: Digest) throws {
    // Said before it is looked for, so that whoever collects at this moment gives it back.
    rely(on: digest)
    guard hasBack(Artefact(digest: digest, kind: .blob, size: 0)), try isWhole(artefact(digest)) else {
      guard try contains(digest) else {
        throw Failure(
          .notFound, "there is nothing in \(root) that has the digest \(digest)",
          hint: "what nothing needs goes with 'brake gc'; put it, or run its stage, again", object: digest)
      }
      throw Failure(
        .notFound, "\(digest) is not in \(root) as a whole, and so cannot be kept there",
        hint: "'brake verify' names what is missing", object: digest)
    }
    try write([], as: digest.hex, in: "pins")
  }

  /// - Returns: whether it was pinned.
  public func unpin(_ digest: Digest) throws -> Bool {
    let path = "\(root)/pins/\(digest.hex)"
    guard try files.entry(path)?.isFile == true else { return false }
    try files.remove(path)
    try files.synchronise(parentFolder(of: path))
    return true
  }

  /// Sorted.
  public func pins() throws -> [Digest] {
    try namesOfFiles(in: "pins").compactMap { $0.utf8.count == 64 ? Digest($0) : nil }
  }
}
