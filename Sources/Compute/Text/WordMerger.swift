/// Applies merges to the symbols of one word: always the pair of lowest rank, of equal ones the leftmost (Sennrich et
/// al., "Neural machine translation of rare words with subword units", ACL 2016). A heap over the pairs makes it
/// O(n log n). Keeps its arrays from word to word.
struct WordMerger {
  private var tokens: [UInt32] = []
  private var next: [Int32] = []
  private var previous: [Int32] = []
  /// The rank of each symbol with the symbol after it.
  private var ranks: [UInt32] = []
  /// Rank in the high half, place in the low half: entries whose rank is no longer that of their place are stale.
  private var heap = Heap<UInt64>()

  /// Merges the symbols and appends what is left of them.
  ///
  /// - Precondition: there are fewer than 2^31 symbols.
  mutating func merge(_ symbols: [UInt32], by merges: MergeTable, into result: inout [UInt32]) {
    let count = symbols.count
    guard count > 1 else {
      result += symbols
      return
    }
    tokens = symbols
    next = (0..<Int32(count)).map { $0 + 1 }
    previous = (0..<Int32(count)).map { $0 - 1 }
    ranks = Array(repeating: MergeTable.never, count: count)
    heap.removeAll()
    for place in 0..<count - 1 { look(at: place, merges) }

    while let top = heap.pop() {
      let place = Int(truncatingIfNeeded: top & 0xFFFF_FFFF)
      guard ranks[place] == UInt32(truncatingIfNeeded: top >> 32) else { continue }
      let gone = Int(next[place])
      tokens[place] = merges[tokens[place], tokens[gone]].merged
      ranks[gone] = MergeTable.never
      next[place] = next[gone]
      if next[place] < count { previous[Int(next[place])] = Int32(place) }
      look(at: place, merges)
      if previous[place] >= 0 { look(at: Int(previous[place]), merges) }
    }
    var place = 0
    while place < count {
      result.append(tokens[place])
      place = Int(next[place])
    }
  }

  /// Enters the pair that begins at a place.
  private mutating func look(at place: Int, _ merges: MergeTable) {
    let after = Int(next[place])
    ranks[place] = after < tokens.count ? merges[tokens[place], tokens[after]].rank : MergeTable.never
    if ranks[place] != MergeTable.never { heap.push(UInt64(ranks[place]) << 32 | UInt64(place)) }
  }
}
