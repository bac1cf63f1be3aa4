internal import Safetensors
public import System

/// Texts, one after another, all of them valid UTF-8 and none of them empty.
///
/// As a file, safetensors with `text` (uint8: the bytes of all documents) and `documents` (uint64: where each begins in
/// it, and last where the last one ends).
public struct Documents: Sendable {
  public private(set) var text: [UInt8] = []
  /// One more than there are documents; from 0 to `text.count`.
  public private(set) var offsets: [Int] = [0]

  public init() {}

  public var count: Int { offsets.count - 1 }

  /// Where a document stands in `text`.
  public func range(_ document: Int) -> Range<Int> { offsets[document]..<offsets[document + 1] }

  public subscript(_ document: Int) -> ArraySlice<UInt8> { text[range(document)] }

  /// - Precondition: the document is valid UTF-8. An empty one is left out.
  mutating func append(_ document: some Collection<UInt8>) {
    if document.isEmpty { return }
    text += document
    offsets.append(text.count)
  }
}

extension Documents {
  static let format = "brake.documents"

  /// Reads the file that `file()` gives.
  ///
  /// - Throws: `malformed` if it is none, or its documents are empty or not valid UTF-8.
  public init(parsing file: [UInt8]) throws(Failure) {
    do throws(Failure) {
      let file = try SafetensorsFile(file)
      let offsets = try file.elements("documents", .uint64, as: UInt64.self)
      guard file.descriptor("text")?.dtype == .uint8, let text = file["text"] else {
        throw Failure(.malformed, "there is no tensor 'text' of bytes")
      }
      self.text = Array(text)
      self.offsets = try checkedOffsets(offsets, end: text.count, of: "documents")
    } catch {
      throw Failure(
        .malformed, "these are no documents: \(error.headline)", hint: "make them with text.corpus",
        cause: error)
    }
    guard self.offsets.adjacentPairs.allSatisfy({ $0 < $1 }) else {
      throw Failure(.malformed, "these are no documents: there is an empty one")
    }
    for document in 0..<count {
      do {
        _ = try UTF8Span(validating: text.span.extracting(range(document)))
      } catch {
        throw Failure(.malformed, "document \(document) is not valid UTF-8 (\(error))")
      }
    }
  }

  /// Whether bytes can be such a file, rather than text: they begin with the length and the brace of a header.
  public static func isFile(_ bytes: [UInt8]) -> Bool {
    bytes.count > 8 && bytes[8] == UInt8(ascii: "{") && bytes[4..<8].allSatisfy { $0 == 0 }
  }

  /// The file, piece by piece.
  public func write(to output: (UnsafeRawBufferPointer) throws -> Void) throws {
    let writer = try SafetensorsWriter(
      [("text", .uint8, [text.count]), ("documents", .uint64, [offsets.count])],
      metadata: ["format": Self.format])
    try writer.write(
      { tensor, output in
        if tensor.name == "text" {
          try text.withUnsafeBytes(output)
        } else {
          try offsets.map { UInt64($0).littleEndian }.withUnsafeBytes(output)
        }
      }, to: output)
  }
}

/// Offsets as a file holds them: from 0 upwards to the end of what they point into.
func checkedOffsets(_ offsets: [UInt64], end: Int, of name: String) throws(Failure) -> [Int] {
  guard offsets.first == 0, offsets.last == UInt64(end), offsets.adjacentPairs.allSatisfy({ $0 <= $1 }) else {
    throw Failure(.malformed, "the tensor '\(name)' does not rise from 0 to \(end)")
  }
  return offsets.map { Int($0) }
}

extension Array {
  var adjacentPairs: Zip2Sequence<Self, SubSequence> { zip(self, dropFirst()) }
}
