public import System

/// Learns a byte-level byte-pair vocabulary: starting from the 256 bytes, the pair of adjacent tokens that is most
/// frequent within the words of the text becomes a new token, again and again (Sennrich et al., ACL 2016; words and bytes
/// as in GPT-2). Of equally frequent pairs the one with the lowest ids is taken, first by the left token, then by the
/// right one, which is also what the `tokenizers` library does.
///
/// Each merge visits only the words that hold its pair, and the counts that change.
public struct BytePairTrainer {
  private var counts = WordCounts()

  public init() {}

  /// Counts the words of a document.
  ///
  /// - Throws: `malformed` if it is not UTF-8.
  public mutating func add(_ document: Span<UInt8>) throws(Failure) {
    do {
      _ = try UTF8Span(validating: document)
    } catch {
      throw Failure(.malformed, "a document is not valid UTF-8 (\(error))")
    }
    var start = 0
    while start < document.count {
      let end = WordBoundaries.end(of: document, from: start)
      counts.add(document, start..<end)
      start = end
    }
  }

  /// - Parameters:
  ///   - vocabulary: tokens in all: the special ones, the 256 bytes, and one for each merge.
  ///   - special: contents of special tokens, which get the first ids.
  ///   - minimum: a pair that is less frequent is not merged, so that there can be fewer tokens than asked for.
  ///   - progress: called now and then with the number of tokens there are; can stop the training by throwing.
  public func train(
    vocabulary: Int, special: [String], minimum: Int = 2, progress: (Int) throws -> Void = { _ in }
  ) throws -> TrainedVocabulary {
    var result = TrainedVocabulary(special: special)
    var words = TrainingWords(counts, byteTokens: result.byteTokens)
    while result.tokens.count < vocabulary, let (left, right) = words.mostFrequent(minimum: minimum) {
      words.merge(left, right, into: result.add(left, right))
      if result.tokens.count % 64 == 0 { try progress(result.tokens.count) }
    }
    return result
  }
}

/// The words being trained on, as tokens, with the counts of their pairs.
private struct TrainingWords {
  /// A pair with the number of times it was seen when it was entered: of these, the most frequent come first.
  private struct Candidate: Comparable {
    let count: Int
    let pair: UInt64

    static func < (a: Candidate, b: Candidate) -> Bool {
      a.count != b.count ? a.count > b.count : a.pair < b.pair
    }
  }

  private struct Word {
    var tokens: [UInt32]
    let count: Int
  }

  private struct Pair {
    var count = 0
    /// The words that have held it, a word perhaps more than once.
    var words: [Int32] = []
  }

  private var words: [Word] = []
  private var pairs: [UInt64: Pair] = [:]
  private var candidates = Heap<Candidate>()

  init(_ counts: WordCounts, byteTokens: [UInt32]) {
    counts.forEach { bytes, count in
      if bytes.count > 1 { words.append(Word(tokens: bytes.map { byteTokens[Int($0)] }, count: count)) }
    }
    for (index, word) in words.enumerated() {
      for (left, right) in zip(word.tokens, word.tokens.dropFirst()) {
        change(Self.pair(left, right), by: word.count, in: index)
      }
    }
    for (pair, entry) in pairs { candidates.push(Candidate(count: entry.count, pair: pair)) }
  }

  private static func pair(_ left: UInt32, _ right: UInt32) -> UInt64 { UInt64(left) << 32 | UInt64(right) }

  private mutating func change(_ pair: UInt64, by count: Int, in word: Int) {
    pairs[pair, default: Pair()].count += count
    if count > 0 { pairs[pair, default: Pair()].words.append(Int32(word)) }
  }

  /// The pair to be merged next; nil if none is frequent enough.
  mutating func mostFrequent(minimum: Int) -> (left: UInt32, right: UInt32)? {
    while let candidate = candidates.pop() {
      let count = pairs[candidate.pair]?.count ?? 0
      if count < max(minimum, 1) { continue }
      if count == candidate.count {
        return (UInt32(candidate.pair >> 32), UInt32(truncatingIfNeeded: candidate.pair))
      }
      // Merges have made it rarer since; a pair that becomes more frequent is entered again at once.
      if count < candidate.count { candidates.push(Candidate(count: count, pair: candidate.pair)) }
    }
    return nil
  }

  mutating func merge(_ left: UInt32, _ right: UInt32, into token: UInt32) {
    guard let merged = pairs.removeValue(forKey: Self.pair(left, right)) else { return }
    var grown: Set<UInt64> = []
    for word in merged.words {
      merge(left, right, into: token, word: Int(word), grown: &grown)
    }
    pairs[Self.pair(left, right)] = nil
    for pair in grown {
      if let count = pairs[pair]?.count { candidates.push(Candidate(count: count, pair: pair)) }
    }
  }

  private mutating func merge(
    _ left: UInt32, _ right: UInt32, into token: UInt32, word index: Int, grown: inout Set<UInt64>
  ) {
    let count = words[index].count
    // Taken out while it changes, so that it is not copied.
    var tokens: [UInt32] = []
    swap(&tokens, &words[index].tokens)
    var kept = 0
    var place = 0
    while place < tokens.count {
      guard place + 1 < tokens.count, tokens[place] == left, tokens[place + 1] == right else {
        tokens[kept] = tokens[place]
        kept += 1
        place += 1
        continue
      }
      if kept > 0 {
        change(Self.pair(tokens[kept - 1], left), by: -count, in: index)
        change(Self.pair(tokens[kept - 1], token), by: count, in: index)
        grown.insert(Self.pair(tokens[kept - 1], token))
      }
      if place + 2 < tokens.count {
        change(Self.pair(right, tokens[place + 2]), by: -count, in: index)
        change(Self.pair(token, tokens[place + 2]), by: count, in: index)
        grown.insert(Self.pair(token, tokens[place + 2]))
      }
      tokens[kept] = token
      kept += 1
      place += 2
    }
    tokens.removeLast(tokens.count - kept)
    swap(&tokens, &words[index].tokens)
  }
}
