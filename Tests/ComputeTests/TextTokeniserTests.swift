import Foundation
import JSON
import System
import Testing

@testable import Compute

@Suite struct TextTokeniserTests {
  static let difficult = [
    "", " ", "a", "'", "the hall", "  the  ", "it's  we'll\n\n\nthey're", "I'D 'LL 'S", "x\r\ny\r\n\r\n",
    "tab\tand\u{B}vertical", "1234 5½Ⅷ٣²", "naïve café", "cafe\u{301} a\u{323}\u{307}",
    "한글 \u{1112}\u{1161}\u{11AB}",
    "क्षि देवनागरी", "עברית العربية", "漢字かな交じり文", "👩‍👩‍👧‍👦 🏽 😀😀", "\u{FEFF}mark\u{200D}", "a\u{A0}\u{3000}b \u{2028}c",
    "\u{0}\u{1}\u{7F}", "<|endoftext|>in<|endoftext|", String(repeating: " ", count: 100) + "x",
    String(repeating: "the", count: 5000), "\u{10FFFF}\u{E000}",
  ]

  @Test func `The words of a text are those of GPT-2's expression`() {
    func words(_ text: String) -> [String] {
      let bytes = Array(text.utf8)
      var words: [String] = []
      var start = 0
      while start < bytes.count {
        let end = WordBoundaries.end(of: bytes.span, from: start)
        words.append(String(decoding: bytes[start..<end], as: UTF8.self))
        start = end
      }
      return words
    }
    #expect(words("Hello world's  end") == ["Hello", " world", "'s", " ", " end"])
    #expect(words("we'll'd 'S") == ["we", "'ll", "'d", " '", "S"])
    #expect(words("a \n b\n") == ["a", " \n", " b", "\n"])
    #expect(words("  ") == ["  "])
    #expect(words(" 12ab!? é٣") == [" 12", "ab", "!?", " é", "٣"])
    #expect(words("a\u{A0}b") == ["a", "\u{A0}", "b"])
    #expect(words("'rest 're'v") == ["'re", "st", " '", "re", "'", "v"])
    #expect(words("e\u{301}x") == ["e", "\u{301}", "x"])
  }

  @Test func `Words agree with the expression itself`() throws {
    let expression = try NSRegularExpression(
      pattern: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#)
    let random = Philox(seed: 7)
    let parts = [
      " ", "  ", "\n", "\r\n", "\t", "'", "'s", "'ll", "a", "Zé", "漢", "7", "²", "!", "-", "\u{A0}",
      "\u{3000}",
      "😀", "\u{301}", "_", "\u{200D}",
    ]
    for sample in 0..<300 {
      let text = (0..<40).map {
        parts[random.number(below: parts.count, stream: 0, index: UInt64(sample * 40 + $0))]
      }
      .joined()
      let bytes = Array(text.utf8)
      var ends: [Int] = []
      while (ends.last ?? 0) < bytes.count {
        ends.append(WordBoundaries.end(of: bytes.span, from: ends.last ?? 0))
      }
      let matches = expression.matches(in: text, range: NSRange(location: 0, length: text.utf16.count))
      let expected = matches.map { match in
        String(decoding: Array(text.utf16.prefix(match.range.location + match.range.length)), as: UTF16.self)
          .utf8.count
      }
      #expect(ends == expected, "\(text.debugDescription)")
    }
  }

  @Test func `Merges are applied by rank, and of equal ones from the left`() throws {
    let tokeniser = try TokeniserFixture.tokeniser()
    var encoder = BytePairEncoder(tokeniser)
    func tokens(_ text: String) throws -> [String] {
      try encoder.encode(text).map { String(decoding: tokeniser.model.bytes[Int($0)]!, as: UTF8.self) }
    }
    #expect(try tokens("the then") == ["t", "he", " the", "n"])
    #expect(try tokens("lll all") == ["ll", "l", " a", "ll"])
    #expect(try tokens("in's") == ["in", "'s"])
    #expect(try tokens("      x") == ["    ", " ", " ", "x"])
  }

  @Test func `The heap merges as the definition says`() throws {
    let merges: [MergeTable.Entry] = [(0, 1), (1, 0), (2, 2), (0, 2), (4, 1), (3, 3), (1, 1), (0, 0)]
      .enumerated().map {
        MergeTable.Entry(left: $1.0, right: $1.1, rank: UInt32($0), merged: UInt32(2 + $0))
      }
    let table = MergeTable(merges)
    let random = Philox(seed: 3)
    var merger = WordMerger()
    for sample in 0..<400 {
      let symbols = (0..<sample % 50).map {
        UInt32(random.number(below: 2, stream: 1, index: UInt64(sample * 50 + $0)))
      }
      var expected = symbols
      while true {
        let best = expected.adjacentPairs.map { table[$0, $1].rank }.enumerated().min {
          ($0.1, $0.0) < ($1.1, $1.0)
        }
        guard let (place, rank) = best, rank != MergeTable.never else { break }
        expected.replaceSubrange(
          place...place + 1, with: [table[expected[place], expected[place + 1]].merged])
      }
      var found: [UInt32] = []
      merger.merge(symbols, by: table, into: &found)
      #expect(found == expected)
    }
  }

  @Test(arguments: [false, true]) func `Text survives encoding and decoding`(arrays: Bool) throws {
    let tokeniser = try TokeniserFixture.tokeniser(
      TokeniserFixture.json(
        added: [TokeniserFixture.added("<|endoftext|>", 269)], normaliser: nil, arrays: arrays))
    var encoder = BytePairEncoder(tokeniser)
    for text in Self.difficult {
      let back = try tokeniser.decode(encoder.encode(text))
      #expect(back == Array(text.utf8), "\(text.debugDescription)")
    }
  }

  @Test func `Normalised text is what decoding gives where the file asks for NFC`() throws {
    let tokeniser = try TokeniserFixture.tokeniser()
    var encoder = BytePairEncoder(tokeniser)
    for text in Self.difficult {
      let back = String(decoding: try tokeniser.decode(encoder.encode(text)), as: UTF8.self)
      #expect(
        Array(back.utf8) == Array(text.precomposedStringWithCanonicalMapping.utf8), "\(text.debugDescription)"
      )
    }
    #expect(try encoder.encode("e\u{301}") == encoder.encode("é"))
  }

  @Test func `A full cache changes nothing`() throws {
    let tokeniser = try TokeniserFixture.tokeniser()
    let words = (0..<40_000).map { " \($0)the" }
    var encoder = BytePairEncoder(tokeniser)
    let first = try encoder.encode(words.joined())
    let again = try encoder.encode(words.joined())
    #expect(first == again)
    #expect(try tokeniser.decode(first) == Array(words.joined().utf8))
  }

  @Test func `Added tokens are found as the library finds them`() throws {
    func ids(_ added: [JSON], _ text: String, normaliser: JSON = nil) throws -> [UInt32] {
      var encoder = BytePairEncoder(
        try TokeniserFixture.tokeniser(
          TokeniserFixture.json(merges: [], added: added, normaliser: normaliser)))
      return try encoder.encode(text)
    }
    let a = try ids([], "a")[0]
    let b = try ids([], "b")[0]
    let space = try ids([], " ")[0]
    typealias F = TokeniserFixture
    // The leftmost, and there the longest.
    #expect(try ids([F.added("<x>", 256), F.added("<x>y", 257)], "a<x>yb<x>b") == [a, 257, b, 256, b])
    #expect(try ids([F.added("aba", 256), F.added("ba", 257)], "ababa") == [256, 257])
    // White space beside them.
    #expect(try ids([F.added("<x>", 256, lstrip: true)], "a \n<x> b") == [a, 256, space, b])
    #expect(try ids([F.added("<x>", 256, rstrip: true)], "a <x> \u{3000}b") == [a, space, 256, b])
    // Whole words only.
    #expect(try ids([F.added("ab", 256, singleWord: true)], "ab").count == 1)
    #expect(try ids([F.added("ab", 256, singleWord: true)], "abb") == [a, b, b])
    #expect(try ids([F.added("ab", 256, singleWord: true)], " ab ") == [space, 256, space])
    // Raw ones before normalising, the others after it.
    #expect(try ids([F.added("ǰ", 256)], "j\u{30C}", normaliser: ["type": "NFC"]).count == 2)
    #expect(try ids([F.added("ǰ", 256, normalised: true)], "j\u{30C}", normaliser: ["type": "NFC"]) == [256])
    #expect(try ids([F.added("j\u{30C}", 256, normalised: true)], "ǰ", normaliser: ["type": "NFC"]) == [256])
    // Those that are in the vocabulary keep their id.
    #expect(try ids([F.added("b", Int(b))], "abab") == [a, b, a, b])
  }

  @Test func `A space is put before pieces where the file asks for it`() throws {
    var json = TokeniserFixture.json(merges: [], added: [TokeniserFixture.added("<x>", 256)])
    json["pre_tokenizer"] = ["type": "ByteLevel", "add_prefix_space": true]
    let tokeniser = try TokeniserFixture.tokeniser(json)
    var encoder = BytePairEncoder(tokeniser)
    #expect(try tokeniser.decode(encoder.encode("a<x>b<x> c")) == Array(" a<x> b<x> c".utf8))
  }

  @Test func `Whole words come before merges where the file asks for it`() throws {
    var json = TokeniserFixture.json(merges: [("a", "b"), ("b", "c"), ("a", "bc")])
    var encoder = BytePairEncoder(try TokeniserFixture.tokeniser(json))
    #expect(try encoder.encode("abc").count == 2)
    json["model"] = json["model"]!.with("ignore_merges", true)
    encoder = BytePairEncoder(try TokeniserFixture.tokeniser(json))
    #expect(try encoder.encode("abc") == [258])
  }

  @Test func `Bytes that the vocabulary lacks are unknown, or an error`() throws {
    var json = TokeniserFixture.json(merges: [])
    var vocabulary = json["model"]!["vocab"]!
    vocabulary["z"] = nil
    json["model"] = json["model"]!.with("vocab", vocabulary)
    var encoder = BytePairEncoder(try TokeniserFixture.tokeniser(json))
    #expect(throws: Failure.self) { try encoder.encode("az") }
    json["model"] = json["model"]!.with("unk_token", "?")
    encoder = BytePairEncoder(try TokeniserFixture.tokeniser(json))
    #expect(try encoder.encode("zz") == encoder.encode("??"))
    json["model"] = json["model"]!.with("fuse_unk", true)
    encoder = BytePairEncoder(try TokeniserFixture.tokeniser(json))
    #expect(try encoder.encode("zzaz") == encoder.encode("?a?"))
  }

  @Test func `Text that is not UTF-8 is refused`() throws {
    var encoder = BytePairEncoder(try TokeniserFixture.tokeniser())
    for bytes: [UInt8] in [
      [0xFF], [0x61, 0xC3], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xC0, 0x80],
    ] {
      var tokens: [UInt32] = []
      #expect(throws: Failure.self) { try encoder.encode(bytes.span, into: &tokens) }
    }
  }

  @Test(
    arguments: [
      ("truncation", ["max_length": 4]), ("padding", ["pad_id": 0]), ("normalizer", ["type": "NFKC"]),
      ("normalizer", ["type": "Sequence", "normalizers": [["type": "NFC"], ["type": "Lowercase"]]]),
      ("pre_tokenizer", nil), ("pre_tokenizer", ["type": "Metaspace"]), ("decoder", ["type": "WordPiece"]),
      ("post_processor", ["type": "Unheard"]), ("version", "2.0"), ("surprise", 1),
    ] as [(String, JSON)])
  func `What is not supported is named`(member: String, value: JSON) throws {
    var json = TokeniserFixture.json()
    json[member] = value
    let error = try #require(throws: Failure.self) { try TokeniserFixture.tokeniser(json) }
    #expect(error.code == .unsupported)
  }

  @Test(
    arguments: [
      ("type", "WordPiece"), ("dropout", 0.1), ("byte_fallback", true), ("continuing_subword_prefix", "##"),
      ("end_of_word_suffix", "</w>"), ("surprise", 1),
    ] as [(String, JSON)])
  func `What is not supported of a model is named`(member: String, value: JSON) throws {
    var json = TokeniserFixture.json()
    json["model"] = json["model"]!.with(member, value)
    let error = try #require(throws: Failure.self) { try TokeniserFixture.tokeniser(json) }
    #expect(error.code == .unsupported && [member, value.canonical].contains { error.headline.contains($0) })
  }

  @Test(
    arguments: [
      ("merges", [["a"]]), ("merges", ["a b c"]), ("merges", ["ab"]), ("merges", [3]), ("merges", ["a 漢"]),
      ("merges", ["a b"]), ("merges", "a b"), ("vocab", [1]), ("vocab", ["a": -1]), ("vocab", ["a": 1.5]),
      ("vocab", ["a": 4_294_967_296]), ("vocab", ["a": 9_000_000]), ("vocab", ["a": 1, "b": 1]),
      ("unk_token", "none"),
      ("unk_token", 3), ("ignore_merges", "yes"),
    ] as [(String, JSON)])
  func `A damaged model is refused`(member: String, value: JSON) throws {
    var json = TokeniserFixture.json(merges: [])
    json["model"] = json["model"]!.with(member, value)
    let error = try #require(throws: Failure.self) { try TokeniserFixture.tokeniser(json) }
    #expect(error.code == .malformed)
  }

  @Test func `Added tokens whose ids the library would change are refused`() throws {
    typealias F = TokeniserFixture
    for added in [
      [F.added("<x>", 300)], [F.added("a", 300)], [F.added("<x>", 256), F.added("<y>", 256)],
      [F.added("<x>", 256), F.added("<x>", 257)], [F.added("", 256)], [F.added("<x>", -1)],
    ] {
      #expect(throws: Failure.self) { try F.tokeniser(F.json(merges: [], added: added)) }
    }
  }

  @Test func `A file with any byte changed gives an error or a tokeniser, never a crash`() throws {
    let file = TokeniserFixture.json(added: [TokeniserFixture.added("<|endoftext|>", 269)]).canonicalBytes
    let random = Philox(seed: 11)
    for sample in 0..<300 {
      var mutated = file
      for change in 0..<1 + sample % 3 {
        let (place, byte) = random.bits(stream: 2, index: UInt64(4 * sample + change))
        switch byte % 4 {
        case 0: mutated.remove(at: Int(place % UInt64(mutated.count)))
        case 1: mutated.insert(UInt8(truncatingIfNeeded: byte >> 8), at: Int(place % UInt64(mutated.count)))
        case 2: mutated[Int(place % UInt64(mutated.count))] = UInt8(truncatingIfNeeded: byte >> 8)
        default: mutated.removeLast(Int(place % UInt64(mutated.count / 2)))
        }
      }
      guard let tokeniser = try? BytePairTokeniser(parsing: mutated) else { continue }
      var encoder = BytePairEncoder(tokeniser)
      guard let tokens = try? encoder.encode("the <|endoftext|> hall's é 😀") else { continue }
      #expect(tokens.allSatisfy { Int($0) < tokeniser.vocabularySize })
    }
  }

  @Test func `A token that is not in the vocabulary cannot be decoded`() throws {
    let tokeniser = try TokeniserFixture.tokeniser()
    #expect(throws: Failure.self) { try tokeniser.decode([UInt32(tokeniser.vocabularySize)]) }
    #expect(throws: Failure.self) { try tokeniser.decode([UInt32.max]) }
  }

  @Test(.enabled(if: Shared.hasCorpora, "there are no corpora beside the project"))
  func `GPT-NeoX's tokeniser gives the ids that the tokenizers library gives`() throws {
    let tokeniser = try BytePairTokeniser(parsing: Shared.bytes(Shared.tokeniser))
    #expect(tokeniser.vocabularySize == 50_280)
    #expect(tokeniser.addedToken("<|endoftext|>")?.id == 50_279)
    var encoder = BytePairEncoder(tokeniser)
    let text = try Shared.bytes(Shared.text)
    var tokens: [UInt32] = []
    try encoder.encode(text.span, into: &tokens)
    #expect(tokens.count == 340_240)
    #expect(checksum(tokens) == 0xCCD1_6A9F_2EC2_E051)
    #expect(try tokeniser.decode(tokens) == text)
    // Digests of what the library, version 0.23.3, gives.
    #expect(checksum(try Self.difficult.flatMap { try encoder.encode($0) }) == 0x5026_C437_7852_296E)
  }
}

extension JSON {
  subscript(name: String) -> JSON? {
    get { object?[name] }
    set {
      var members = object ?? [:]
      members[name] = newValue
      self = .object(members)
    }
  }

  func with(_ name: String, _ value: JSON) -> JSON {
    var copy = self
    copy[name] = value
    return copy
  }
}
