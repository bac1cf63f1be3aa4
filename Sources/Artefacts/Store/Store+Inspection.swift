internal import System

extension Store {
  /// Kind, sizes and codecs, from the footers of the objects; the bytes of blobs are not decoded.
  public func info(_ digest: Digest) throws -> ObjectInfo {
    var stored = 0
    var codecs: [String: Int] = [:]
    try visit(digest) { digest in
      try reading(digest) { reader in
        stored += reader.storedSize
        for chunk in reader.footer.chunks { codecs[chunk.codec.name, default: 0] += 1 }
      }
    }
    return ObjectInfo(artefact: try artefact(digest), storedBytes: stored, codecs: codecs)
  }

  /// Whether an object is a file's or a tree's, by its footer.
  func kind(of digest: Digest) throws -> Artefact.Kind { try reading(digest) { $0.footer.kind } }

  /// Reads an object and, if it is a tree, everything that it names, and checks all digests.
  public func verify(_ digest: Digest) throws {
    do { try visit(digest) { try stream($0) { _ in } } } catch let error as Failure {
      throw error.inside(digest)
    }
  }

  /// Reads one object and checks its digest. What it names, if it is a tree, is not looked at.
  /// - Returns: what it is.
  public func verifyAlone(_ digest: Digest) throws -> Artefact.Kind {
    try reading(digest) { reader in
      try reader.stream(coders, bases: bases) { _ in }
      return reader.footer.kind
    }
  }

  /// Calls `body` for an object and everything that it names, each once.
  private func visit(_ digest: Digest, _ body: (Digest) throws -> Void) throws {
    var seen: Set<Digest> = []
    var reachability = Reachability()
    reachability.add(try artefact(digest))
    while let next = reachability.next() {
      if seen.insert(next.digest).inserted { try body(next.digest) }
      if next.isTree { reachability.add(try tree(next.digest)) }
    }
  }
}
