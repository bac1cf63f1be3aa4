internal import System

extension Store {
  /// Brings artefacts into the store, with all that trees name and that is not there yet. A tree is not there before all
  /// that it names is there; files are committed a few at a time, so that who is interrupted need not begin anew.
  ///
  /// - Parameter sources: are asked in this order. One that does not have an object, gives other bytes or does not answer is
  ///   passed over.
  /// - Throws: a `Failure` that names the `object` that nobody has; its cause is what the last source said.
  public func fetch(_ artefacts: [Artefact], from sources: [any ObjectSource]) async throws {
    let publication = gatheringPublication()
    var reachability = Reachability()
    for artefact in artefacts { reachability.add(artefact, unless: isKnownWhole) }
    let trees = WaitingTrees(in: self)
    var wanted: [WantedObject] = []
    var seen: Set<WantedObject> = []
    var size = 0
    while let next = reachability.next() {
      try Task.checkCancellation()
      if next.isTree {
        let manifest = try await manifest(of: next.digest, from: sources)
        let tree = try Tree(next.digest, manifest: manifest)
        reachability.add(tree, unless: isKnownWhole)
        guard reachability.waits <= Tree.fileLimit + artefacts.count else { throw tooMany(next.digest) }
        try trees.add(next.digest, tree, manifest: manifest)
      } else if try !contains(next.digest),
        seen.insert(WantedObject(next.digest, size: next.size)).inserted
      {
        wanted.append(WantedObject(next.digest, size: next.size))
        size += min(next.size, Store.fetchSize)
      }
      if wanted.count >= Store.fetchBatch || size > Store.fetchSize {
        try await fetch(wanted, from: sources, to: publication)
        (wanted, seen, size) = ([], [], 0)
      }
    }
    try await fetch(wanted, from: sources, to: publication)
    try trees.add(to: publication)
    try publication.commit()
  }

  public func fetch(_ artefact: Artefact, from sources: [any ObjectSource]) async throws {
    try await fetch([artefact], from: sources)
  }

  /// Objects, and bytes, after which what came is made durable.
  private static let fetchBatch = 2048
  private static let fetchSize = 256 << 20

  private func fetch(
    _ wanted: [WantedObject], from sources: [any ObjectSource], to publication: Publication
  ) async throws {
    if wanted.isEmpty { return }
    var rest = wanted
    var failures: [Digest: any Error] = [:]
    for source in sources where !rest.isEmpty {
      failures = try await source.copy(rest, to: publication)
      rest = rest.filter { failures[$0.digest] != nil }
    }
    if let object = rest.first?.digest { throw lacking(object, cause: failures[object]) }
    try publication.commit()
  }

  private func manifest(of tree: Digest, from sources: [any ObjectSource]) async throws -> [UInt8] {
    // The error that says what makes something that is not there would read all records.
    if try contains(tree), let bytes = try? bytes(of: tree, limit: Tree.manifestLimit) { return bytes }
    return try await fetchManifest(tree, from: sources)
  }

  private func fetchManifest(_ digest: Digest, from sources: [any ObjectSource]) async throws -> [UInt8] {
    var cause: (any Error)?
    for source in sources {
      do {
        var bytes: [UInt8] = []
        try await source.read(digest) { piece in
          guard bytes.count + piece.count <= Tree.manifestLimit else {
            throw Failure(.damaged, "what was sent as \(digest) is longer than that")
          }
          bytes += piece
        }
        if Digest(of: bytes) == digest { return bytes }
        cause = Failure(.damaged, "what was sent as \(digest) are other bytes")
      } catch let error as CancellationError { throw error } catch {
        cause = error
      }
    }
    throw lacking(digest, cause: cause)
  }

  private func tooMany(_ tree: Digest) -> Failure {
    Failure(
      .refused, "what is fetched with the tree \(tree) has more than \(Tree.fileLimit) files and folders",
      hint: "no folder that brake writes is so large: look at what whoever sent it has put into it",
      object: tree)
  }

  private func lacking(_ digest: Digest, cause: (any Error)?) -> Failure {
    let reason = (cause as? Failure).map { ": \($0.headline)" } ?? ""
    return Failure(
      .notFound, "\(digest) is neither in \(root) nor where it looks besides\(reason)", hint: nil,
      object: digest, cause: cause)
  }
}
