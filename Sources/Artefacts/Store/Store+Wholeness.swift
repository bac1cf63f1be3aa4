internal import System

extension Store {
  /// Whether every object that an artefact stands for is in the store: a blob's own, or a tree's manifest and all that it
  /// names. Manifests are read, blobs are only looked for, and a tree that was whole is not looked through again.
  /// - Throws: what is neither loss nor damage: an object of a newer brake, a disk that does not answer.
  public func isWhole(_ artefact: Artefact) throws -> Bool { try firstLost(of: artefact) == nil }

  /// The first object that is missing from an artefact, or of which nobody can tell what it names; nil if it is whole.
  public func firstLost(of artefact: Artefact) throws -> Digest? {
    if artefact.kind == .blob { return try has(artefact.digest) ? nil : artefact.digest }
    if isKnownWhole(artefact.digest) { return nil }
    var trees: Set<Digest> = []
    var reachability = Reachability()
    reachability.add(artefact)
    while let next = reachability.next() {
      // Before it is read: who asks for what is missing does not want to know who made it.
      guard try has(next.digest) else { return next.digest }
      if next.isTree {
        do {
          reachability.add(try tree(next.digest), unless: isKnownWhole)
          trees.insert(next.digest)
        } catch let error as Failure where error.isLoss || error.code == .refused {
          return next.digest
        }
      }
    }
    noteWhole(trees)
    return nil
  }

  /// The same, and what was set aside has its place again, whoever wanted it to be removed: somebody reads it.
  public func hasBack(_ artefact: Artefact) -> Bool {
    var back: Set<Digest> = []
    while true {
      guard let lost = try? firstLost(of: artefact) else { return (try? isWhole(artefact)) == true }
      guard back.insert(lost).inserted, takeBack(lost) else { return false }
    }
  }

  /// Whether an object is there, or was set aside as if nothing needed it, and is there again now. What somebody wanted to be
  /// removed comes back only when it is read.
  private func has(_ digest: Digest) throws -> Bool {
    if try contains(digest) { return true }
    guard try isAside(digest), try !removedObjects().contains(digest) else {
      return try contains(digest)
    }
    return takeBack(digest)
  }
}

extension Store {
  /// The digests of an artefact and of everything that it names.
  public func members(of artefact: Artefact) throws -> Set<Digest> {
    var members: Set<Digest> = []
    var reachability = Reachability()
    reachability.add(artefact)
    while let next = reachability.next() {
      members.insert(next.digest)
      if next.isTree { reachability.add(try tree(next.digest)) }
    }
    return members
  }
}

extension Store {
  /// What a record promises and is not in the store.
  public func losses(of record: Record) throws -> [Loss] {
    var losses = try record.outputs.compactMap { output in
      try firstLost(of: output.artefact).map { Loss(output: output, object: $0) }
    }
    if let log = record.log, try !contains(log) { losses.append(Loss(output: nil, object: log)) }
    return losses
  }
}
