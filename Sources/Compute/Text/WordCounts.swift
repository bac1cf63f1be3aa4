/// How often each word has been seen, in the order in which words were first seen.
struct WordCounts {
  private struct Word {
    let start: Int
    let length: Int
    let hash: UInt64
    var count: Int
  }

  private var bytes: [UInt8] = []
  private var words: [Word] = []
  /// Open addressing: 1 + the place in `words`, or 0.
  private var slots = [Int32](repeating: 0, count: 1 << 12)

  mutating func add(_ text: Span<UInt8>, _ range: Range<Int>) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for place in range { hash = (hash ^ UInt64(text[place])) &* 0x100_0000_01B3 }
    var slot = Int(truncatingIfNeeded: hash ^ hash >> 32) & (slots.count - 1)
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if words[index].hash == hash, isWord(words[index], text, range) {
        words[index].count += 1
        return
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    words.append(Word(start: bytes.count, length: range.count, hash: hash, count: 1))
    for place in range { bytes.append(text[place]) }
    slots[slot] = Int32(words.count)
    if 2 * words.count > slots.count { grow() }
  }

  private func isWord(_ word: Word, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard word.length == range.count else { return false }
    for offset in 0..<word.length where bytes[word.start + offset] != text[range.lowerBound + offset] {
      return false
    }
    return true
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: 2 * slots.count)
    for (index, word) in words.enumerated() {
      var slot = Int(truncatingIfNeeded: word.hash ^ word.hash >> 32) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(index + 1)
    }
  }

  func forEach(_ body: (ArraySlice<UInt8>, Int) -> Void) {
    for word in words { body(bytes[word.start..<word.start + word.length], word.count) }
  }
}
