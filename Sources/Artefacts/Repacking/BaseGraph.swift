internal import System

/// Which objects of a store have which bases: one, or two where the second holds the moments of an update.
struct BaseGraph {
  private var bases: [Digest: [Digest]] = [:]
  private var dependants: [Digest: Set<Digest>] = [:]

  /// Asks all objects of the store.
  init(of store: Store) throws {
    let differences = try store.differences()
    for (digest, bases) in differences.there { set(bases, of: digest) }
    for (digest, bases) in differences.aside { set(bases, of: digest) }
  }

  func hasBase(_ digest: Digest) -> Bool { bases[digest] != nil }

  mutating func set(_ bases: [Digest], of digest: Digest) {
    for old in self.bases[digest] ?? [] { dependants[old]?.remove(digest) }
    self.bases[digest] = bases.isEmpty ? nil : bases
    for base in bases { dependants[base, default: []].insert(digest) }
  }

  /// How many objects predicted ones may stand behind, which take several times as much to read.
  static func limitOfPredicted(_ limit: Int) -> Int { max(1, limit / 2) }

  /// Whether an object can get bases so that no object stands behind more of them than a limit, and none behind itself.
  ///
  /// - Parameter isPredicted: whether the object takes what predicted ones do.
  func canSet(_ new: [Digest], of digest: Digest, limit: Int, isPredicted: Bool = false) -> Bool {
    var depth = 0
    for base in new {
      guard let below = depthOf(base, besides: digest, limit: limit) else { return false }
      depth = max(depth, 1 + below)
    }
    let own = isPredicted || new.count > 1 ? BaseGraph.limitOfPredicted(limit) : limit
    return depth <= own && canStand(digest, at: depth, limit) && keepsSecondsPlain(new, of: digest)
  }

  /// How many objects stand one behind the other below one; nil if they are more than a limit, or another one is among them.
  private func depthOf(_ digest: Digest, besides other: Digest, limit: Int) -> Int? {
    if digest == other || limit < 0 { return nil }
    var depth = 0
    for base in bases[digest] ?? [] {
      guard let below = depthOf(base, besides: other, limit: limit - 1) else { return nil }
      depth = max(depth, 1 + below)
    }
    return depth
  }

  /// Whether what stands above an object may stand there if that stands behind so many.
  private func canStand(_ digest: Digest, at depth: Int, _ limit: Int) -> Bool {
    (dependants[digest] ?? []).allSatisfy { above in
      let own = bases[above]!.count > 1 ? BaseGraph.limitOfPredicted(limit) : limit
      return depth + 1 <= own && canStand(above, at: depth + 1, limit)
    }
  }

  /// Whether second bases, and what these are differences from, go on to have no second one.
  private func keepsSecondsPlain(_ new: [Digest], of digest: Digest) -> Bool {
    if new.count > 1, hasSecond(new[1]) { return false }
    return !isBelowSecond(digest) || new.count == 1 && !hasSecond(new[0])
  }

  /// Whether an object, or any that it is a difference from, has a second base. One that leads back to itself, which nobody can
  /// read, ends as others do.
  private func hasSecond(_ digest: Digest, levels: Int = ObjectFormat.baseLimit) -> Bool {
    guard let bases = bases[digest], levels > 0 else { return false }
    return bases.count > 1 || hasSecond(bases[0], levels: levels - 1)
  }

  private func isBelowSecond(_ digest: Digest, levels: Int = ObjectFormat.baseLimit) -> Bool {
    levels > 0
      && (dependants[digest] ?? []).contains { above in
        bases[above]!.dropFirst().contains(digest) || isBelowSecond(above, levels: levels - 1)
      }
  }

  /// Objects that others have as their base.
  var all: Set<Digest> { Set(bases.values.joined()) }

  /// Objects that have a base, sorted.
  var differences: [Digest] { bases.keys.sorted() }
}
