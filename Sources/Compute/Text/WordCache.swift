/// The tokens of words met before. Bounded: when it is full it starts anew.
struct WordCache {
  /// Longer words are rare and not kept.
  static let longestWord = 64
  private static let slotCount = 1 << 16
  private static let wordLimit = slotCount / 2

  private struct Slot {
    var hash: UInt32 = 0
    var wordStart: UInt32 = 0
    var tokenStart: UInt32 = 0
    /// 0 in an empty slot.
    var wordCount: UInt16 = 0
    var tokenCount: UInt16 = 0
  }

  private var slots = [Slot](repeating: Slot(), count: slotCount)
  private var words: [UInt8] = []
  private var tokens: [UInt32] = []
  private var count = 0

  /// A place in the cache: that of a word, or the empty one where it would stand.
  struct Place {
    fileprivate let slot: Int
    fileprivate let hash: UInt32
    let isFilled: Bool
  }

  /// - Precondition: the range is not empty and no longer than `longestWord`.
  @inline(__always)
  func find(_ text: Span<UInt8>, _ range: Range<Int>) -> Place {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for place in range { hash = (hash ^ UInt64(text[place])) &* 0x100_0000_01B3 }
    let short = UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    var slot = Int(short) & (Self.slotCount - 1)
    while slots[slot].wordCount != 0 {
      if slots[slot].hash == short, matches(slots[slot], text, range) {
        return Place(slot: slot, hash: short, isFilled: true)
      }
      slot = (slot + 1) & (Self.slotCount - 1)
    }
    return Place(slot: slot, hash: short, isFilled: false)
  }

  private func matches(_ slot: Slot, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard Int(slot.wordCount) == range.count else { return false }
    for offset in 0..<range.count where words[Int(slot.wordStart) + offset] != text[range.lowerBound + offset]
    {
      return false
    }
    return true
  }

  @inline(__always)
  func append(_ place: Place, to result: inout [UInt32]) {
    let slot = slots[place.slot]
    let start = Int(slot.tokenStart)
    for token in start..<start + Int(slot.tokenCount) { result.append(tokens[token]) }
  }

  /// Keeps the tokens of a word at the empty place that was found for it.
  mutating func insert(
    _ text: Span<UInt8>, _ range: Range<Int>, at place: Place, tokens new: ArraySlice<UInt32>
  ) {
    if count == Self.wordLimit {
      self = WordCache()
      return
    }
    slots[place.slot] = Slot(
      hash: place.hash, wordStart: UInt32(words.count), tokenStart: UInt32(tokens.count),
      wordCount: UInt16(range.count), tokenCount: UInt16(new.count))
    for place in range { words.append(text[place]) }
    tokens += new
    count += 1
  }
}
