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
