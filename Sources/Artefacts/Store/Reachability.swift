internal import System

/// Finds everything that some artefacts stand for: their own objects, the members of trees, and the members of those.
///
/// It knows no store: whoever uses it takes objects out, and puts in what the trees among them name. So it serves who
/// looks at one store and who asks another machine in batches. It keeps what waits, and the digests of the trees that it
/// has seen, of which none comes twice. A file that several trees name may come again.
struct Reachability {
  /// An object that something stands for.
  struct Object: Hashable, Sendable {
    let digest: Digest
    /// Whether it is a tree where it is named. What a tree has as a file is not looked into, even if its bytes are a
    /// manifest's.
    let isTree: Bool
    /// Of a file, its bytes; of a tree, those of all its files.
    let size: Int
  }

  private var waiting: [Object] = []
  private var trees: Set<Digest> = []

  var waits: Int { waiting.count }

  /// - Parameter isKnown: whether all that a tree stands for is known already, so that it need not come.
  mutating func add(_ artefact: Artefact, unless isKnown: (Digest) -> Bool = { _ in false }) {
    add(Object(digest: artefact.digest, isTree: artefact.kind == .tree, size: artefact.size), unless: isKnown)
  }

  mutating func add(_ tree: Tree, unless isKnown: (Digest) -> Bool = { _ in false }) {
    // Taken from the end: first what stands first.
    for entry in tree.entries.reversed() {
      add(Object(digest: entry.digest, isTree: entry.mode == .tree, size: entry.size), unless: isKnown)
    }
  }

  private mutating func add(_ object: Object, unless isKnown: (Digest) -> Bool) {
    if object.isTree {
      if isKnown(object.digest) { return }
      guard trees.insert(object.digest).inserted else { return }
    }
    waiting.append(object)
  }

  mutating func next() -> Object? { waiting.popLast() }

  /// The next ones, at most so many, each once.
  mutating func next(_ most: Int) -> [Object] {
    var batch: [Object] = []
    var seen: Set<Object> = []
    while batch.count < most, let object = waiting.popLast() {
      if seen.insert(object).inserted { batch.append(object) }
    }
    return batch
  }
}

/// Some of what is reachable, and what of it is lost.
public struct ReachableObjects: Sendable {
  public let objects: [Digest]
  /// Those of them that are trees where they are named.
  public let trees: Set<Digest>
  /// Those that are not there, and trees of which nobody can tell what they name.
  public let lost: Set<Digest>
}

extension ObjectSource {
  /// Hands out everything that some artefacts stand for, in batches. Manifests are read, the bytes of files are not. No more
  /// than a batch, what the trees in it name and the digests of all trees is kept in memory; a file that several trees
  /// name may be handed out again.
  ///
  /// - Parameters:
  ///   - roots: artefacts that stand for what is wanted, such as those of a store's records and references: see
  ///     `Store.roots`. Asked for as they are needed.
  ///   - batch: how many objects are asked for at once.
  public func forEachReachable(
    from roots: some Sequence<Artefact>, batch: Int = 1000, _ body: (ReachableObjects) async throws -> Void
  ) async throws {
    var reachability = Reachability()
    var roots = roots.makeIterator()
    while true {
      while reachability.waits < batch, let root = roots.next() { reachability.add(root) }
      let objects = reachability.next(batch)
      if objects.isEmpty { return }
      let present = try await present(among: objects.map(\.digest))
      var lost: Set<Digest> = []
      for object in objects {
        guard present.contains(object.digest) else {
          lost.insert(object.digest)
          continue
        }
        guard object.isTree else { continue }
        do { reachability.add(try await entries(ofTree: object.digest)) } catch let error as Failure
          where error.isLoss || error.code == .refused
        {
          lost.insert(object.digest)
        }
      }
      try await body(
        ReachableObjects(
          objects: objects.map(\.digest), trees: Set(objects.lazy.filter(\.isTree).map(\.digest)), lost: lost)
      )
    }
  }
}
