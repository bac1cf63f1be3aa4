/// What was found in texts, and what was done about it.
public struct TextStatistics: Sendable, Hashable {
  /// Kept.
  public var documents = 0
  /// Of the documents kept, after mending.
  public var bytes = 0
  /// Documents that held no byte, or nothing but white space; left out.
  public var emptyDocuments = 0
  /// Sequences of bytes that are not UTF-8; each was replaced by U+FFFD.
  public var invalidSequences = 0
  /// Documents with such sequences.
  public var invalidDocuments = 0
  /// Byte order marks at the beginning of files; taken off.
  public var byteOrderMarks = 0

  public init() {}
}

/// Takes in texts as documents, by these rules: a byte order mark at the beginning of a file is taken off; each invalid
/// sequence of bytes becomes U+FFFD as the Unicode Standard recommends (3.9, "maximal subpart"); documents that are empty
/// or nothing but white space are left out. Line ends stay as they are.
public struct DocumentReader: Sendable {
  /// Stands between the documents of a text where no other separator is named: the ASCII record separator, U+001E.
  public static let separator: UInt8 = 0x1E

  public private(set) var documents = Documents()
  public private(set) var statistics = TextStatistics()

  public init() {}

  /// Takes in a text: one document, or several with a separator between them. What follows the last separator is a
  /// document unless it is empty.
  ///
  /// - Parameter separator: empty if the text is one document.
  public mutating func add(text: [UInt8], separator: [UInt8] = [Self.separator]) {
    var start = 0
    if text.starts(with: [0xEF, 0xBB, 0xBF]) {
      countByteOrderMark()
      start = 3
    }
    guard let first = separator.first else { return add(document: text[start...]) }
    var place = start
    while place + separator.count <= text.count {
      if text[place] == first, text[place..<place + separator.count].elementsEqual(separator) {
        add(document: text[start..<place])
        place += separator.count
        start = place
      } else {
        place += 1
      }
    }
    if start < text.count { add(document: text[start...]) }
  }

  /// Takes in one document.
  public mutating func add(document: ArraySlice<UInt8>) {
    let (text, sequences) = Self.valid(document)
    add(valid: text, invalidSequences: sequences)
  }

  mutating func add(valid document: ArraySlice<UInt8>, invalidSequences: Int) {
    statistics.invalidSequences += invalidSequences
    if invalidSequences > 0 { statistics.invalidDocuments += 1 }
    if Self.isBlank(document) {
      statistics.emptyDocuments += 1
    } else {
      documents.append(document)
      statistics.documents += 1
      statistics.bytes += document.count
    }
  }

  mutating func countByteOrderMark() { statistics.byteOrderMarks += 1 }

  static func isBlank(_ document: ArraySlice<UInt8>) -> Bool {
    document.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
  }

  /// The text itself if it is valid UTF-8; else with its invalid sequences replaced, and how many they were.
  static func valid(_ text: ArraySlice<UInt8>) -> (text: ArraySlice<UInt8>, invalidSequences: Int) {
    do {
      _ = try UTF8Span(validating: text.span)
      return (text, 0)
    } catch {
      let (mended, sequences) = mend(text)
      return (mended[...], sequences)
    }
  }

  private static func mend(_ document: ArraySlice<UInt8>) -> (text: [UInt8], sequences: Int) {
    var text: [UInt8] = []
    text.reserveCapacity(document.count)
    var sequences = 0
    var bytes = document.makeIterator()
    var parser = Unicode.UTF8.ForwardParser()
    while true {
      switch parser.parseScalar(from: &bytes) {
      case .valid(let scalar): text += scalar
      case .error:
        text += [0xEF, 0xBF, 0xBD]
        sequences += 1
      case .emptyInput: return (text, sequences)
      }
    }
  }
}
