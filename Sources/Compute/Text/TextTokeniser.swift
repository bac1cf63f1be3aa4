public import System

/// What turns documents into tokens.
public struct TextTokeniser {
  /// `bytes`, or what the caller calls the vocabulary.
  public let name: String
  public let vocabularySize: Int
  /// The token after each document, if there is one.
  public let separator: UInt32?
  private var encoder: BytePairEncoder?

  /// Each byte is a token; the record separator, byte 30, follows each document.
  public static var bytes: TextTokeniser {
    TextTokeniser(
      name: "bytes", vocabularySize: 256, separator: UInt32(DocumentReader.separator), encoder: nil)
  }

  /// - Parameter end: the content of the added token that follows each document; empty for none.
  /// - Throws: `unusable` if there is no such token.
  public static func bytePair(
    _ tokeniser: BytePairTokeniser, name: String, end: String
  ) throws(Failure) -> TextTokeniser {
    let token = tokeniser.addedToken(end)
    if token == nil, !end.isEmpty {
      throw Failure(
        .unusable, "the vocabulary has no added token \"\(end)\" to follow each document",
        hint: "name another one, or none with an empty text")
    }
    return TextTokeniser(
      name: name, vocabularySize: tokeniser.vocabularySize, separator: token?.id,
      encoder: BytePairEncoder(tokeniser))
  }

  /// Appends the tokens of a document, without the separator.
  public mutating func encode(_ document: Span<UInt8>, into tokens: inout [UInt32]) throws(Failure) {
    if encoder != nil {
      try encoder?.encode(document, into: &tokens)
    } else {
      document.withUnsafeBufferPointer { tokens.append(contentsOf: $0.lazy.map(UInt32.init)) }
    }
  }

  /// The text that tokens stand for; bytes that are no UTF-8 become U+FFFD.
  /// - Throws: `malformed` for a token that the vocabulary lacks.
  public func decode(_ tokens: [UInt32]) throws(Failure) -> String {
    if let encoder { return String(decoding: try encoder.tokeniser.decode(tokens), as: UTF8.self) }
    guard tokens.allSatisfy({ $0 < vocabularySize }) else {
      throw Failure(.malformed, "there is a token that is no byte")
    }
    return String(decoding: tokens.map { UInt8($0) }, as: UTF8.self)
  }
}
