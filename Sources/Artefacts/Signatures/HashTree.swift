/// A tree of hashes over a list, so that one signature of its root is a signature of each entry: the root is that of RFC 9162
/// (section 2.1.1), and what leads from an entry to it is a few digests.
///
/// What is hashed of an entry starts with the byte 0 and what is hashed of two nodes with the byte 1, so that no node passes for
/// an entry.
public struct HashTree: Sendable {
  /// What stands beside a node on the way from an entry to the root.
  public struct Step: Hashable, Sendable {
    public let sibling: Digest
    /// Whether the sibling stands before the node.
    public let isLeft: Bool

    public init(sibling: Digest, isLeft: Bool) {
      self.sibling = sibling
      self.isLeft = isLeft
    }
  }

  /// Steps at most: more entries than any list has.
  public static let deepest = 40

  public let root: Digest
  /// The way of each entry to the root, in the order of the list.
  public let ways: [[Step]]

  /// - Precondition: there is an entry.
  public init(of entries: [Digest]) {
    precondition(!entries.isEmpty, "a list without entries has no root")
    var ways = [[Step]](repeating: [], count: entries.count)
    root = HashTree.node(entries.map(HashTree.leaf)[...], &ways)
    self.ways = ways
  }

  /// The root to which a way leads from an entry.
  public static func root(from entry: Digest, by way: [Step]) -> Digest {
    way.reduce(leaf(entry)) { node, step in
      step.isLeft ? HashTree.node(step.sibling, node) : HashTree.node(node, step.sibling)
    }
  }

  /// The left half has as many leaves as the largest power of two that is smaller than their number.
  private static func node(_ leaves: ArraySlice<Digest>, _ ways: inout [[Step]]) -> Digest {
    if leaves.count == 1 { return leaves.first! }
    var half = 1
    while 2 * half < leaves.count { half *= 2 }
    let middle = leaves.startIndex + half
    let left = node(leaves[..<middle], &ways)
    let right = node(leaves[middle...], &ways)
    for index in leaves.indices {
      ways[index].append(
        index < middle ? Step(sibling: right, isLeft: false) : Step(sibling: left, isLeft: true))
    }
    return node(left, right)
  }

  private static func leaf(_ entry: Digest) -> Digest { Digest(of: [0] + entry.bytes) }
  private static func node(_ left: Digest, _ right: Digest) -> Digest {
    Digest(of: [1] + left.bytes + right.bytes)
  }
}
