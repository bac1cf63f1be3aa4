internal import System

/// What is to be read next of a store that is verified a little at a time: all objects and records in turn, in the order of
/// their digests, so that what comes next is what nobody has looked at for longest.
///
/// Where it is stands in `index/scrubbed`; without that it begins anew. Several at once look at the same things twice, and
/// do no harm.
public struct ScrubQueue: Sendable {
  public enum Item: Hashable, Sendable {
    case object(Digest)
    /// By its action's key.
    case record(Digest)

    var digest: Digest {
      switch self {
      case .object(let digest), .record(let digest): digest
      }
    }
  }

  /// Objects and records in the store.
  public let total: Int
  /// Those before the place, of the round that goes on.
  public private(set) var passed: Int
  private let store: Store
  private let items: [Item]
  private var left: Int

  public init(of store: Store) throws {
    self.store = store
    let all = try store.objects().map(Item.object) + store.digests(under: "actions").map(Item.record)
    let items = all.sorted { $0.digest < $1.digest }
    self.items = items
    total = items.count
    left = items.count
    let last = ScrubQueue.place(in: store)
    passed = last.map { last in items.partitioningIndex { $0.digest > last } } ?? 0
    if passed == total { passed = 0 }
  }

  /// The next one, until each has come once.
  public mutating func next() -> Item? {
    if left == 0 { return nil }
    if passed == total { passed = 0 }
    defer {
      passed += 1
      left -= 1
    }
    return items[passed]
  }

  /// Notes that all that has come so far was verified.
  public func save() throws {
    guard passed > 0 else { return }
    let temporary = try store.temporaryPath()
    try store.makeFolders(store.root + "/index")
    try store.files.replace(
      ScrubQueue.path(store), with: Array("\(items[passed - 1].digest)\n".utf8), by: temporary)
  }

  private static func path(_ store: Store) -> String { store.root + "/index/scrubbed" }

  private static func place(in store: Store) -> Digest? {
    guard let bytes = (try? store.files.contents(of: path(store), limit: 256)) ?? nil,
      bytes.last == UInt8(ascii: "\n")
    else { return nil }
    return Digest(String(decoding: bytes.dropLast(), as: UTF8.self))
  }
}

extension Array {
  /// The first index from which on a condition holds, of elements of which all that fulfil it come last.
  fileprivate func partitioningIndex(where holds: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if holds(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
