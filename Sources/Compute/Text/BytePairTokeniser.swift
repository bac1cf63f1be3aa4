internal import JSON
public import System

/// A byte-level byte-pair tokeniser, as a Hugging Face `tokenizer.json` describes it. Gives the ids that the
/// `tokenizers` library gives for `encode(text, add_special_tokens=False)`.
public struct BytePairTokeniser: Sendable {
  let model: BytePairModel
  /// Sought in the raw text, in this order of passes.
  let rawAdded: AddedTokens
  /// Sought in the normalised text.
  let normalisedAdded: AddedTokens
  /// Text is brought into Unicode normalisation form C first.
  let composes: Bool
  /// A space is put before every piece of text that does not begin with one.
  let addsSpace: Bool
  /// Text is cut into words, which tokens do not cross.
  let cutsWords: Bool
  public let addedTokens: [AddedToken]
  /// One more than the highest id.
  public let vocabularySize: Int

  init(
    model: BytePairModel, added: [AddedToken], composes: Bool, addsSpace: Bool, cutsWords: Bool
  ) throws(Failure) {
    self.model = model
    self.composes = composes
    self.addsSpace = addsSpace
    self.cutsWords = cutsWords
    addedTokens = added
    rawAdded = AddedTokens(added.filter { !$0.normalised }) { Array($0.content.utf8) }
    var contents: [UInt32: [UInt8]] = [:]
    for token in added where token.normalised {
      let raw = Array(token.content.utf8)
      contents[token.id] = composes ? try CanonicalComposition.compose(raw.span) ?? raw : raw
    }
    normalisedAdded = AddedTokens(added.filter(\.normalised)) { contents[$0.id] ?? [] }
    vocabularySize = max(model.bytes.count, (added.map(\.id).max()).map { Int($0) + 1 } ?? 0)
  }

  /// The added token of this content.
  public func addedToken(_ content: String) -> AddedToken? {
    addedTokens.first { $0.content.utf8.elementsEqual(content.utf8) }
  }

  /// The bytes that tokens stand for. An added token stands for its content.
  ///
  /// - Throws: `malformed` for an id that the vocabulary lacks.
  public func decode(_ tokens: some Sequence<UInt32>) throws(Failure) -> [UInt8] {
    var contents: [UInt32: [UInt8]] = [:]
    for token in addedTokens { contents[token.id] = Array(token.content.utf8) }
    var text: [UInt8] = []
    for token in tokens {
      if let content = contents[token] {
        text += content
      } else if Int(token) < model.bytes.count, let bytes = model.bytes[Int(token)] {
        text += bytes
      } else {
        throw Failure(.malformed, "there is no token \(token) in the vocabulary")
      }
    }
    return text
  }
}

/// Encodes texts with a byte-pair tokeniser and remembers the words it has met: one of these for each thread.
public struct BytePairEncoder {
  let tokeniser: BytePairTokeniser
  private var cache = WordCache()
  private var merger = WordMerger()
  private var symbols: [UInt32] = []

  public init(_ tokeniser: BytePairTokeniser) { self.tokeniser = tokeniser }

  public mutating func encode(_ text: String) throws(Failure) -> [UInt32] {
    var tokens: [UInt32] = []
    let bytes = Array(text.utf8)
    try encode(validated: bytes.span, into: &tokens)
    return tokens
  }

  /// Appends the tokens of a text.
  ///
  /// - Throws: `malformed` if it is not UTF-8, `unusable` if the vocabulary lacks a byte of it or it has 2^31 bytes or
  ///   more.
  public mutating func encode(_ text: Span<UInt8>, into tokens: inout [UInt32]) throws(Failure) {
    guard text.count <= Int32.max else {
      throw Failure(.unusable, "a document of \(text.count) bytes is too large for a tokeniser")
    }
    do {
      _ = try UTF8Span(validating: text)
    } catch {
      throw Failure(.malformed, "the text is not valid UTF-8 (\(error))")
    }
    try encode(validated: text, into: &tokens)
  }

  private mutating func encode(
    validated text: Span<UInt8>, into tokens: inout [UInt32]
  ) throws(Failure) {
    for piece in tokeniser.rawAdded.pieces(of: text) {
      if let token = piece.token {
        tokens.append(token)
      } else if tokeniser.composes,
        let composed = try CanonicalComposition.compose(text.extracting(piece.range))
      {
        try encode(normalised: composed.span, into: &tokens)
      } else {
        try encode(normalised: text.extracting(piece.range), into: &tokens)
      }
    }
  }

  private mutating func encode(
    normalised text: Span<UInt8>, into tokens: inout [UInt32]
  ) throws(Failure) {
    for piece in tokeniser.normalisedAdded.pieces(of: text) {
      if let token = piece.token {
        tokens.append(token)
      } else if tokeniser.addsSpace, text[piece.range.lowerBound] != UInt8(ascii: " ") {
        let spaced = [UInt8(ascii: " ")] + piece.range.map { text[$0] }
        try encode(words: spaced.span, into: &tokens)
      } else {
        try encode(words: text.extracting(piece.range), into: &tokens)
      }
    }
  }

  private mutating func encode(words text: Span<UInt8>, into tokens: inout [UInt32]) throws(Failure) {
    var start = 0
    while start < text.count {
      let end = tokeniser.cutsWords ? WordBoundaries.end(of: text, from: start) : text.count
      try encode(word: start..<end, of: text, into: &tokens)
      start = end
    }
  }

  @inline(__always)
  private mutating func encode(
    word: Range<Int>, of text: Span<UInt8>, into tokens: inout [UInt32]
  ) throws(Failure) {
    guard word.count <= WordCache.longestWord else {
      return try merge(word, of: text, into: &tokens)
    }
    let place = cache.find(text, word)
    if place.isFilled {
      cache.append(place, to: &tokens)
    } else {
      let start = tokens.count
      try merge(word, of: text, into: &tokens)
      cache.insert(text, word, at: place, tokens: tokens[start...])
    }
  }

  private mutating func merge(
    _ word: Range<Int>, of text: Span<UInt8>, into tokens: inout [UInt32]
  ) throws(Failure) {
    if let whole = tokeniser.model.whole(text, word) {
      tokens.append(whole)
      return
    }
    try tokeniser.model.symbols(text, word, into: &symbols)
    merger.merge(symbols, by: tokeniser.model.merges, into: &tokens)
  }
}
