internal import Safetensors
public import System

/// The tokens of documents, one after another, each document followed by a separator token if the stream has one.
///
/// As a file, safetensors with `tokens` (uint16, or uint32 if the vocabulary has more than 65 536 tokens) and
/// `documents` (uint64: where each document begins in it, and last where the last one ends), and the metadata
/// `tokeniser`, `vocabulary_size` and `separator`.
public struct TokenStream: Sendable {
  /// `bytes`, or the digest of the tokenizer.json.
  public let tokeniser: String
  /// Tokens are below this.
  public let vocabularySize: Int
  /// The token after each document, if there is one.
  public let separator: UInt32?
  public private(set) var tokens: [UInt32] = []
  /// One more than there are documents; from 0 to `tokens.count`.
  public private(set) var documents: [Int] = [0]

  public init(tokeniser: String, vocabularySize: Int, separator: UInt32?) {
    self.tokeniser = tokeniser
    self.vocabularySize = vocabularySize
    self.separator = separator
  }

  /// Appends a document, whose tokens the closure appends, and its separator.
  public mutating func append(_ document: (inout [UInt32]) throws -> Void) rethrows {
    try document(&tokens)
    if let separator { tokens.append(separator) }
    documents.append(tokens.count)
  }
}

extension TokenStream {
  static let format = "brake.tokens"

  /// - Throws: `malformed` if the bytes are no such file, or hold a token that the vocabulary lacks.
  public init(parsing bytes: [UInt8]) throws(Failure) {
    do throws(Failure) {
      let file = try SafetensorsFile(bytes)
      let metadata = file.header.metadata
      guard metadata["format"] == Self.format, let tokeniser = metadata["tokeniser"],
        let size = metadata["vocabulary_size"].flatMap({ Int($0) }),
        (1...BytePairTokeniser.idLimit).contains(size),
        let separator = metadata["separator"],
        separator == "none" || UInt32(separator).map({ Int($0) < size }) == true
      else { throw Failure(.malformed, "its metadata are not those of a token stream") }
      self.tokeniser = tokeniser
      vocabularySize = size
      self.separator = UInt32(separator)
      if Self.isWide(size) {
        tokens = try file.elements("tokens", .uint32, as: UInt32.self)
      } else {
        tokens = try file.elements("tokens", .uint16, as: UInt16.self).map { UInt32($0) }
      }
      documents = try checkedOffsets(
        try file.elements("documents", .uint64, as: UInt64.self), end: tokens.count, of: "documents")
    } catch {
      throw Failure(
        .malformed, "this is no token stream: \(error.headline)", hint: "make one with text.tokenise",
        cause: error)
    }
    if let token = tokens.first(where: { Int($0) >= vocabularySize }) {
      throw Failure(.malformed, "the token \(token) is not in a vocabulary of \(vocabularySize)")
    }
  }

  /// The file, piece by piece.
  public func write(to output: (UnsafeRawBufferPointer) throws -> Void) throws {
    let writer = try SafetensorsWriter(
      [
        ("tokens", Self.isWide(vocabularySize) ? .uint32 : .uint16, [tokens.count]),
        ("documents", .uint64, [documents.count]),
      ],
      metadata: [
        "format": Self.format, "tokeniser": tokeniser, "vocabulary_size": String(vocabularySize),
        "separator": separator.map { String($0) } ?? "none",
      ])
    try writer.write(
      { tensor, output in
        if tensor.name == "documents" {
          try documents.map { UInt64($0).littleEndian }.withUnsafeBytes(output)
        } else if tensor.dtype == .uint32 {
          try tokens.withUnsafeBytes(output)
        } else {
          try tokens.map { UInt16($0) }.withUnsafeBytes(output)
        }
      }, to: output)
  }

  private static func isWide(_ vocabularySize: Int) -> Bool { vocabularySize > 1 << 16 }
}
