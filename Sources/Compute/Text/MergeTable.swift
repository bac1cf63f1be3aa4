/// The merges of a byte-pair encoding: which two tokens become which, and in what order of priority. An open-addressing
/// hash table, because this is looked up for every pair of every new word.
struct MergeTable: Sendable {
  struct Entry: Sendable {
    var left: UInt32
    var right: UInt32
    /// Lower ranks are merged first.
    var rank: UInt32
    var merged: UInt32
  }

  /// The rank of a pair that is never merged, and of an empty slot.
  static let never = UInt32.max

  private var slots: [Entry]
  private let mask: Int

  /// Of two merges of one pair the later counts, as in the `tokenizers` library.
  init(_ merges: [Entry]) {
    var size = 16
    while size < 2 * merges.count { size *= 2 }
    mask = size - 1
    slots = Array(
      repeating: Entry(left: 0, right: 0, rank: Self.never, merged: 0), count: size)
    for merge in merges { slots[slot(merge.left, merge.right)] = merge }
  }

  /// The slot of a pair, or the empty one where it would stand.
  @inline(__always)
  private func slot(_ left: UInt32, _ right: UInt32) -> Int {
    let pair = UInt64(left) << 32 | UInt64(right)
    var slot = Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    while slots[slot].rank != Self.never, slots[slot].left != left || slots[slot].right != right {
      slot = (slot + 1) & mask
    }
    return slot
  }

  /// Rank and result of merging two tokens; the rank is `never` if they are not merged.
  @inline(__always)
  subscript(left: UInt32, right: UInt32) -> (rank: UInt32, merged: UInt32) {
    let entry = slots[slot(left, right)]
    return (entry.rank, entry.merged)
  }
}
