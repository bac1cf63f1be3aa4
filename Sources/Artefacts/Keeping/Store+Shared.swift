internal import System

/// What was sent to this store or from it under a name that others have: lists of digests in `shared/`, each called by the
/// SHA-256 of its bytes. What they list is kept until the list is removed.
extension Store {
  /// The bytes of such a list, and its name.
  public static func sharedList(of digests: some Sequence<Digest>) -> (name: String, bytes: [UInt8]) {
    let bytes = DigestList.bytes(Set(digests).sorted())
    return (Digest(of: bytes).hex, bytes)
  }

  /// Keeps artefacts since others may ask for them.
  public func noteShared(_ digests: some Sequence<Digest>) throws {
    let list = Store.sharedList(of: digests)
    if list.bytes.isEmpty { return }
    try write(list.bytes, as: list.name, in: "shared")
  }

  /// All that is in such lists.
  public func shared() throws -> Set<Digest> { try digests(inFilesOf: "shared") }

  /// Takes artefacts out of all such lists, durably.
  /// - Parameter parts: what is taken out of the lists that name one of these, too.
  public func unshare(_ digests: Set<Digest>, with parts: Set<Digest> = []) throws {
    var isChanged = false
    for name in try namesOfFiles(in: "shared") {
      let path = "\(root)/shared/\(name)"
      guard let bytes = try files.contents(of: path, limit: DigestList.limit) else { continue }
      let listed = Set(DigestList.digests(bytes))
      if listed.isDisjoint(with: digests) { continue }
      // What stays is in another list before it is no longer in this one.
      try noteShared(listed.subtracting(digests).subtracting(parts))
      try files.remove(path)
      isChanged = true
    }
    if isChanged { try files.synchronise("\(root)/shared") }
  }

  func digests(inFilesOf part: String) throws -> Set<Digest> {
    var all: Set<Digest> = []
    for name in try namesOfFiles(in: part) {
      if let bytes = try files.contents(of: "\(root)/\(part)/\(name)", limit: DigestList.limit) {
        all.formUnion(DigestList.digests(bytes))
      }
    }
    return all
  }
}
