public import JSON

/// What training has learnt: special tokens, bytes, and merges, each of which made a token.
public struct TrainedVocabulary: Sendable {
  /// The text of each token, in the alphabet of bytes; special tokens as they are.
  public private(set) var tokens: [String]
  /// In the order in which they are applied.
  public private(set) var merges: [(left: UInt32, right: UInt32)] = []
  let special: [String]
  /// Byte to token.
  let byteTokens: [UInt32]

  /// Special tokens have the first ids, bytes the next, in the order of their characters.
  init(special: [String]) {
    self.special = special
    let order = (0..<256).sorted { ByteAlphabet.scalars[$0] < ByteAlphabet.scalars[$1] }
    var byteTokens = [UInt32](repeating: 0, count: 256)
    for (rank, byte) in order.enumerated() { byteTokens[byte] = UInt32(special.count + rank) }
    self.byteTokens = byteTokens
    tokens = special + order.map { String(ByteAlphabet.scalars[$0]) }
  }

  /// Whether a special token can have this content: it is more than one word, so that no merge can make it too.
  public static func canBeSpecial(_ content: String) -> Bool {
    let bytes = Array(content.utf8)
    return !bytes.isEmpty && WordBoundaries.end(of: bytes.span, from: 0) < bytes.count
  }

  mutating func add(_ left: UInt32, _ right: UInt32) -> UInt32 {
    merges.append((left, right))
    tokens.append(tokens[Int(left)] + tokens[Int(right)])
    return UInt32(tokens.count - 1)
  }

  /// As a `tokenizer.json` that `BytePairTokeniser` and the `tokenizers` library read.
  public var json: JSON {
    let byteLevel: JSON = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
    ]
    let vocabulary = tokens.enumerated().map { ($1, JSON.whole($0)) }
    return [
      "version": "1.0", "truncation": nil, "padding": nil, "normalizer": nil,
      "added_tokens": .array(
        special.enumerated().map { id, content in
          [
            "id": .whole(id), "content": .string(content), "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true,
          ]
        }),
      "pre_tokenizer": byteLevel, "post_processor": nil, "decoder": byteLevel,
      "model": [
        "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
        "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": .object(Dictionary(vocabulary, uniquingKeysWith: { first, _ in first })),
        "merges": .array(merges.map { .string("\(tokens[Int($0.left)]) \(tokens[Int($0.right)])") }),
      ],
    ]
  }
}
