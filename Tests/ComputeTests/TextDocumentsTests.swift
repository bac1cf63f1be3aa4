import JSON
import Safetensors
import System
import Testing

@testable import Compute

@Suite struct TextDocumentsTests {
  func documents(_ texts: [String]) -> Documents {
    var documents = Documents()
    for text in texts { documents.append(Array(text.utf8)) }
    return documents
  }

  func texts(_ documents: Documents) -> [String] {
    (0..<documents.count).map { String(decoding: documents[$0], as: UTF8.self) }
  }

  func file(_ write: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try write { bytes += $0 }
    return bytes
  }

  @Test func `Documents stand between separators, and line ends stay as they are`() {
    func read(_ text: String, _ separator: String = "\u{1E}") -> [String] {
      var reader = DocumentReader()
      reader.add(text: Array(text.utf8), separator: Array(separator.utf8))
      return texts(reader.documents)
    }
    #expect(read("a\r\nb\u{1E}c\n\u{1E}") == ["a\r\nb", "c\n"])
    #expect(read("a\u{1E}b") == ["a", "b"])
    #expect(read("a\n\n\nb\n\n\n\nc", "\n\n\n") == ["a", "b", "\nc"])
    #expect(read("a\u{1E}b", "") == ["a\u{1E}b"])
    #expect(read("") == [] && read("\u{1E}") == [])
  }

  @Test func `Empty documents and invalid UTF-8 are counted and mended`() {
    var reader = DocumentReader()
    reader.add(text: [0xEF, 0xBB, 0xBF] + Array("one\u{1E} \n\u{1E}\u{1E}two".utf8))
    reader.add(text: [0x61, 0xFF, 0x62, 0xC3, 0x1E, 0xE2, 0x82, 0x1E, 0xED, 0xA0, 0x80])
    #expect(
      texts(reader.documents) == ["one", "two", "a\u{FFFD}b\u{FFFD}", "\u{FFFD}", "\u{FFFD}\u{FFFD}\u{FFFD}"])
    let found = reader.statistics
    #expect(found.documents == 5 && found.emptyDocuments == 2 && found.byteOrderMarks == 1)
    #expect(found.invalidSequences == 6 && found.invalidDocuments == 3)
    #expect(found.bytes == reader.documents.text.count)
  }

  @Test func `Each line of JSON lines is a document`() throws {
    var reader = DocumentReader()
    let text = #"{"text": "a\nb", "id": 1}"# + "\r\n\n" + #"{"text": ""}"# + "\n" + #"{"text": "\u00e9"}"#
    #expect(DocumentReader.looksLikeJSONLines(Array(text.utf8)))
    try reader.add(jsonLines: Array(text.utf8), field: "text", file: "f")
    try reader.add(
      jsonLines: Array(#"{"text": ""#.utf8) + [0xFF] + Array(#""}"#.utf8), field: "text", file: "f")
    #expect(texts(reader.documents) == ["a\nb", "é", "\u{FFFD}"])
    #expect(reader.statistics.emptyDocuments == 1 && reader.statistics.invalidSequences == 1)
    #expect(!DocumentReader.looksLikeJSONLines(Array("{curly} text".utf8)))
    #expect(!DocumentReader.looksLikeJSONLines([]))
  }

  @Test(arguments: [
    (#"{"text": 1}"#, "f:2: the member \"text\" is a number"),
    (#"{"body": "a"}"#, "f:2: there is no member \"text\""),
    ("[1]", "f:2: this is a list"), (#"{"text": "a"#, "f:2:"), (#"{"text": "\ud800"}"#, "f:2:"),
  ])
  func `A line that holds no document is named`(line: String, message: String) throws {
    var reader = DocumentReader()
    let error = try #require(throws: Failure.self) {
      try reader.add(jsonLines: Array((#"{"text": "x"}"# + "\n" + line).utf8), field: "text", file: "f")
    }
    #expect(error.headline.hasPrefix(message), "\(error.headline)")
  }

  @Test func `Documents survive being written and read`() throws {
    let written = documents(["one", "zwei\n", "три"])
    let bytes = try file(written.write)
    #expect(Documents.isFile(bytes) && !Documents.isFile(Array("{\"text\": 1}".utf8)))
    let read = try Documents(parsing: bytes)
    #expect(read.text == written.text && read.offsets == written.offsets)
    #expect(try file(documents([]).write) == file(Documents(parsing: file(documents([]).write)).write))
  }

  @Test func `A damaged file gives an error, never a crash`() throws {
    var stream = TokenStream(tokeniser: "bytes", vocabularySize: 256, separator: 30)
    stream.append { $0 += [1, 2, 3] }
    stream.append { $0 += [4] }
    for file in [try file(documents(["one", "zwei"]).write), try file(stream.write)] {
      let random = Philox(seed: 2)
      for sample in 0..<400 {
        var mutated = file
        let (place, byte) = random.bits(stream: 0, index: UInt64(sample))
        if sample % 4 == 0 {
          mutated.removeLast(Int(place % UInt64(mutated.count)))
        } else {
          mutated[Int(place % UInt64(mutated.count))] = UInt8(truncatingIfNeeded: byte)
        }
        if let read = try? Documents(parsing: mutated) { #expect(read.offsets.last == read.text.count) }
        if let read = try? TokenStream(parsing: mutated) {
          #expect(read.tokens.allSatisfy { Int($0) < read.vocabularySize })
        }
      }
    }
  }

  @Test(arguments: [256, 65_536, 65_537, 1 << 22])
  func `A token stream survives being written and read`(vocabulary: Int) throws {
    var stream = TokenStream(tokeniser: "name", vocabularySize: vocabulary, separator: UInt32(vocabulary - 1))
    stream.append { $0 += [0, UInt32(vocabulary - 1), 7] }
    stream.append { _ in }
    let bytes = try file(stream.write)
    #expect(
      try SafetensorsFile(bytes).descriptor("tokens")?.dtype == (vocabulary > 65_536 ? .uint32 : .uint16))
    let read = try TokenStream(parsing: bytes)
    #expect(read.tokens == [0, UInt32(vocabulary - 1), 7, UInt32(vocabulary - 1), UInt32(vocabulary - 1)])
    #expect(read.documents == [0, 4, 5] && read.vocabularySize == vocabulary && read.tokeniser == "name")
    #expect(read.separator == UInt32(vocabulary - 1))
    var none = TokenStream(tokeniser: "name", vocabularySize: vocabulary, separator: nil)
    none.append { $0 += [1] }
    #expect(try TokenStream(parsing: file(none.write)).separator == nil)
  }

  @Test(arguments: [1 << 22 + 1, 1 << 32])
  func `A vocabulary that no tokeniser has is refused`(vocabulary: Int) throws {
    var stream = TokenStream(tokeniser: "name", vocabularySize: vocabulary, separator: nil)
    stream.append { $0 += [1, UInt32(vocabulary - 1)] }
    let bytes = try file(stream.write)
    #expect(throws: Failure.self) { try TokenStream(parsing: bytes) }
  }

  @Test func `A token beyond the vocabulary is refused`() throws {
    var stream = TokenStream(tokeniser: "name", vocabularySize: 10, separator: nil)
    stream.append { $0 += [10] }
    let bytes = try file(stream.write)
    #expect(throws: Failure.self) { try TokenStream(parsing: bytes) }
  }

  @Test func `Every document is on one side of the split`() throws {
    let all = documents((0..<100).map { "document \($0)" })
    let split = try DocumentSplit(all, fraction: 0.07, piece: 0, seed: 1)
    #expect(split.validation.count == 7 && split.train.count == 93)
    #expect(
      (split.train + split.validation).sorted { $0.lowerBound < $1.lowerBound } == (0..<100).map(all.range))
    #expect(split.train == split.train.sorted { $0.lowerBound < $1.lowerBound })
    #expect(try DocumentSplit(all, fraction: 0.07, piece: 0, seed: 1).validation == split.validation)
    #expect(try DocumentSplit(all, fraction: 0.07, piece: 0, seed: 2).validation != split.validation)
    #expect(try DocumentSplit(all, fraction: 0.0001, piece: 0, seed: 1).validation.count == 1)
    #expect(try DocumentSplit(all, fraction: 0, piece: 5, seed: 1).train.count == 100)
  }

  @Test func `A single document is divided at its paragraphs`() throws {
    let text = (0..<50).map { "Paragraph \($0)\nof two lines." }.joined(separator: "\n\n")
    let split = try DocumentSplit(documents([text]), fraction: 0.1, piece: 100, seed: 1)
    let bytes = Array(text.utf8)
    let pieces = (split.train + split.validation).sorted { $0.lowerBound < $1.lowerBound }
    #expect(pieces.count > 10 && split.validation.count == (pieces.count + 5) / 10)
    #expect(pieces.flatMap { bytes[$0] } == bytes)
    #expect(
      pieces.dropLast().allSatisfy { $0.count <= 100 && bytes[$0].suffix(2).elementsEqual("\n\n".utf8) })
    #expect(throws: Failure.self) {
      try DocumentSplit(documents([text]), fraction: 0.1, piece: 0, seed: 1)
    }
  }

  @Test func `Pieces end after an empty line, else a line, else a word, else a scalar`() {
    func cut(_ text: String, _ limit: Int) -> [String] {
      let bytes = Array(text.utf8)
      return DocumentSplit.cut(bytes, 0..<bytes.count, limit).map {
        String(decoding: bytes[$0], as: UTF8.self)
      }
    }
    #expect(cut("a\n\nb\nc d e", 8) == ["a\n\n", "b\nc d e"])
    #expect(cut("a\r\n\r\nb\r\nc", 8) == ["a\r\n\r\n", "b\r\nc"])
    #expect(cut("ab\ncd ef", 7) == ["ab\n", "cd ef"])
    #expect(cut("ab cd ef", 7) == ["ab cd ", "ef"])
    #expect(cut("ééé", 5) == ["éé", "é"])
    #expect(cut("😀😀", 4) == ["😀", "😀"])
    #expect(cut("abc", 3) == ["abc"])
  }

  @Test func `A sequence is a function of seed, step and row`() throws {
    let batches = try Batches(seed: 4, context: 64, count: 10_000)
    #expect(batches.offsets(step: 3, rows: 0..<8) == (0..<8).map { batches.offset(step: 3, row: $0) })
    #expect(Array(batches.offsets(step: 3, rows: 0..<8).suffix(4)) == batches.offsets(step: 3, rows: 4..<8))
    #expect(batches.offsets(step: 3, rows: 0..<8) != batches.offsets(step: 4, rows: 0..<8))
    #expect(
      try Batches(seed: 5, context: 64, count: 10_000).offsets(step: 3, rows: 0..<8)
        != batches.offsets(step: 3, rows: 0..<8))
    #expect(batches.offsets(step: 0, rows: 0..<4) == [4563, 8011, 756, 5287])
    let all = (0..<500).flatMap { batches.offsets(step: $0, rows: 0..<8) }
    #expect(all.allSatisfy { (0...10_000 - 65).contains($0) })
    let mean = Double(all.reduce(0, +)) / Double(all.count)
    #expect(abs(mean - 9935 / 2) < 5 * 9936 / 12.0.squareRoot() / Double(all.count).squareRoot())
  }

  @Test func `A stream has to hold a sequence and the token after it`() throws {
    #expect(throws: Failure.self) { try Batches(seed: 1, context: 64, count: 64) }
    #expect(throws: Failure.self) { try Batches(seed: 1, context: 0, count: 64) }
    #expect(try Batches(seed: 1, context: 64, count: 65).offset(step: 9, row: 9) == 0)
  }
}
