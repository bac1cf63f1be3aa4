internal import System

/// Which objects of a store have which bases.
struct BaseGraph {
  private var bases: [Digest: Digest] = [:]
  private var dependants: [Digest: Set<Digest>] = [:]

  /// Asks all objects of the store.
  init(of store: Store) throws {
    let differences = try store.differences()
    for (digest, base) in differences.there { set(base, of: digest) }
    for (digest, base) in differences.aside { set(base, of: digest) }
  }

  func base(of digest: Digest) -> Digest? { bases[digest] }

  mutating func set(_ base: Digest?, of digest: Digest) {
    if let old = bases[digest] { dependants[old]?.remove(digest) }
    bases[digest] = base
    if let base { dependants[base, default: []].insert(digest) }
  }

  /// Whether an object can get a base so that no object stands behind more bases than a limit, and none behind itself.
  func canSet(_ base: Digest, of digest: Digest, limit: Int) -> Bool {
    var depth = 1
    var next = base
    while true {
      if next == digest || depth > limit { return false }
      guard let below = bases[next] else { break }
      next = below
      depth += 1
    }
    return depth + height(of: digest, atMost: limit) <= limit
  }

  /// How many objects stand one behind the other above one.
  private func height(of digest: Digest, atMost limit: Int) -> Int {
    if limit == 0 { return 1 }
    return (dependants[digest] ?? []).reduce(0) { max($0, 1 + height(of: $1, atMost: limit - 1)) }
  }

  /// Objects that others have as their base.
  var all: Set<Digest> { Set(bases.values) }

  /// Objects that have a base, sorted.
  var differences: [Digest] { bases.keys.sorted() }
}
