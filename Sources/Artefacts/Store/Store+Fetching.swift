internal import System

/// Another place that keeps artefacts and records as a store does.
public typealias ArtefactSource = ObjectSource & RecordSource

extension Store {
  /// Brings an artefact into the store, with all that a tree names and that is not there yet. Nothing of it can be seen
  /// before all of it is there and was checked.
  ///
  /// - Parameter sources: are asked in this order. One that does not have an object, gives other bytes or does not answer is
  ///   passed over.
  /// - Throws: a `Failure` that names the `object` that nobody has; its cause is what the last source said.
  public func fetch(_ artefact: Artefact, from sources: [any ObjectSource]) async throws {
    let publication = publication()
    var reachability = Reachability()
    reachability.add(artefact, unless: isKnownWhole)
    // Manifests are kept until all that they name is there.
    var manifests: [[UInt8]] = []
    while let next = reachability.next() {
      try Task.checkCancellation()
      if next.isTree {
        var bytes = try? self.bytes(of: next.digest, limit: Tree.manifestLimit)
        if bytes == nil { bytes = try await fetchManifest(next.digest, from: sources) }
        reachability.add(try Tree(next.digest, manifest: bytes!), unless: isKnownWhole)
        manifests.append(bytes!)
      } else if try !contains(next.digest) {
        try await fetchFile(next.digest, size: next.size, from: sources, to: publication)
      }
    }
    for manifest in manifests.reversed() { _ = try publication.add(bytes: manifest) }
    try publication.commit()
  }

  private func fetchManifest(_ digest: Digest, from sources: [any ObjectSource]) async throws -> [UInt8] {
    try await first(of: sources, having: digest) { source in
      var bytes: [UInt8] = []
      try await source.read(digest) { piece in
        guard bytes.count + piece.count <= Tree.manifestLimit else { throw Store.tooLong(digest) }
        bytes += piece
      }
      guard Digest(of: bytes) == digest else { throw Store.otherBytes(digest) }
      return bytes
    }
  }

  private func fetchFile(
    _ digest: Digest, size: Int, from sources: [any ObjectSource], to publication: Publication
  ) async throws {
    let path = try temporaryPath()
    defer { try? files.remove(path) }
    try await first(of: sources, having: digest) { source in
      try? files.remove(path)
      let file = try files.create(path, mode: 0o600)
      do {
        var count = 0
        try await source.read(digest) { piece in
          count += piece.count
          guard count <= size else { throw Store.tooLong(digest) }
          try files.write(piece, to: file, path: path)
        }
        try files.close(file, path: path)
      } catch {
        try? files.close(file, path: path)
        throw error
      }
      guard try StatCache.artefact(reading: path, files: files).digest == digest else {
        throw Store.otherBytes(digest)
      }
    }
    _ = try publication.add(path: path)
  }

  private func first<Result>(
    of sources: [any ObjectSource], having digest: Digest, _ body: (any ObjectSource) async throws -> Result
  ) async throws -> Result {
    var cause: (any Error)?
    for source in sources {
      do { return try await body(source) } catch let error as CancellationError { throw error } catch {
        cause = error
      }
    }
    throw Failure(
      .notFound, "\(digest) is neither in \(root) nor where it looks besides", hint: nil, object: digest,
      cause: cause)
  }

  private static func tooLong(_ digest: Digest) -> Failure {
    Failure(.damaged, "what was sent as \(digest) is longer than that")
  }

  private static func otherBytes(_ digest: Digest) -> Failure {
    Failure(.damaged, "what was sent as \(digest) are other bytes")
  }
}
