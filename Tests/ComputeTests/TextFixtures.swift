import Foundation
import JSON

@testable import Compute

/// A tokenizer.json made by the rules of its format, with hand-picked merges.
enum TokeniserFixture {
  /// Byte characters in the order of their code points, then one token for each merge.
  static func json(
    merges: [(String, String)] = [
      ("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("Ġ", "a"), ("l", "l"), ("Ã", "©"), ("ð", "Ł"),
      ("ðŁ", "ĺ"), ("Ċ", "Ċ"), ("Ġ", "Ġ"), ("ĠĠ", "ĠĠ"), ("'", "s"),
    ],
    added: [JSON] = [], normaliser: JSON = ["type": "NFC"], arrays: Bool = false
  ) -> JSON {
    var tokens = (0..<256).map { String(ByteAlphabet.scalars[$0]) }
      .sorted { $0.unicodeScalars.first! < $1.unicodeScalars.first! }
    tokens += merges.map { $0 + $1 }
    let byteLevel: JSON = [
      "type": "ByteLevel", "add_prefix_space": false, "use_regex": true, "trim_offsets": true,
    ]
    return [
      "version": "1.0", "truncation": nil, "padding": nil, "added_tokens": .array(added),
      "normalizer": normaliser, "pre_tokenizer": byteLevel, "post_processor": byteLevel, "decoder": byteLevel,
      "model": [
        "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
        "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
        "vocab": .object(
          Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, .integer(Int64($0))) })),
        "merges": .array(
          merges.map { arrays ? [.string($0), .string($1)] : .string("\($0) \($1)") }),
      ],
    ]
  }

  static func added(
    _ content: String, _ id: Int, normalised: Bool = false, lstrip: Bool = false, rstrip: Bool = false,
    singleWord: Bool = false
  ) -> JSON {
    [
      "id": .integer(Int64(id)), "content": .string(content), "single_word": .bool(singleWord),
      "lstrip": .bool(lstrip), "rstrip": .bool(rstrip), "normalized": .bool(normalised), "special": true,
    ]
  }

  static func tokeniser(_ json: JSON = json()) throws -> BytePairTokeniser {
    try BytePairTokeniser(parsing: json.canonicalBytes)
  }
}

/// Things that lie beside the project on some machines.
enum Shared {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared").path
  static let tokeniser = folder + "/data/corpora/gpt-neox-olmo-tokenizer.json"
  static let text = folder + "/data/corpora/tinyshakespeare.txt"
  static let hasCorpora = FileManager.default.fileExists(atPath: tokeniser)

  static func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

/// A digest for comparing long lists: FNV-1a of their 64-bit elements.
func checksum(_ values: some Sequence<some BinaryInteger>) -> UInt64 {
  values.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64(truncatingIfNeeded: $1)) &* 0x100_0000_01B3 }
}
