internal import System

/// A byte-level byte-pair vocabulary and its merges.
struct BytePairModel: Sendable {
  /// The bytes that each token stands for; nil where an id is not used.
  let bytes: [[UInt8]?]
  let merges: MergeTable
  /// Byte to token; nil for bytes that the vocabulary lacks.
  private let alphabet: [UInt32?]
  private let unknown: Unknown?
  /// Words that are tokens as a whole, taken before any merging; nil where merges decide alone.
  private let wholeWords: [[UInt8]: UInt32]?

  /// What stands for bytes that the vocabulary lacks.
  struct Unknown: Sendable {
    let token: UInt32
    /// One for a run of such bytes instead of one each.
    let fused: Bool
  }

  init(
    bytes: [[UInt8]?], alphabet: [UInt32?], merges: MergeTable, unknown: Unknown?,
    wholeWords: [[UInt8]: UInt32]?
  ) {
    precondition(alphabet.count == 256)
    self.bytes = bytes
    self.alphabet = alphabet
    self.merges = merges
    self.unknown = unknown
    self.wholeWords = wholeWords
  }

  /// The token that a word is as a whole, where the vocabulary asks for such.
  func whole(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt32? {
    guard let wholeWords else { return nil }
    return wholeWords[range.map { text[$0] }]
  }

  /// One token for each byte of a word.
  func symbols(
    _ text: Span<UInt8>, _ range: Range<Int>, into symbols: inout [UInt32]
  ) throws(Failure) {
    symbols.removeAll(keepingCapacity: true)
    var runOfUnknown = false
    for place in range {
      if let token = alphabet[Int(text[place])] {
        symbols.append(token)
        runOfUnknown = false
      } else if let unknown {
        if !(runOfUnknown && unknown.fused) { symbols.append(unknown.token) }
        runOfUnknown = true
      } else {
        throw Failure(
          .unusable, "the tokeniser has no token for the byte \(text[place]) and none for unknown text",
          hint: "take a tokeniser whose vocabulary holds all 256 bytes")
      }
    }
  }
}
