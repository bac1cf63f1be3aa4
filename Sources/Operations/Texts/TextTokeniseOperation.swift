internal import Actions
internal import Artefacts
internal import Compute
internal import JSON
internal import System

/// `text.tokenise`
struct TextTokeniseOperation: Operation {
  static let tokeniser = Parameter(
    "tokeniser", default: "bytes", oneOf: ["bytes", "bpe"],
    help:
      "bytes: each byte is a token, and byte 30 (the record separator) follows each document; bpe: the input 'vocabulary'"
  )
  static let end = Parameter(
    "end", default: "<|endoftext|>",
    help: "bpe: content of the added token that follows each document; empty for none")
  static let validation = Parameter(
    "validation", default: 0.05, in: 0...0.9,
    help: "fraction of the documents that are for validation, drawn by seed and place")
  static let piece = Parameter(
    "piece", default: 8192, unit: "bytes",
    help:
      "where some are for validation, larger documents are cut into pieces of at most this, after an empty line, "
      + "else a line, else a word, and each piece is a document; 0 leaves documents whole",
    constraint: "0, or at least 64", allows: { $0 == 0 || $0 >= 64 })
  static let seed = Parameter("seed", default: 1, in: 0..., help: "what the split is drawn from")

  let name = "text.tokenise"
  let revision = 1
  let summary = "Turns text into token streams to train on and to validate with."
  let inputs = [
    InputDeclaration("text", help: TextInput.help),
    InputDeclaration(
      "vocabulary", .optional,
      help:
        "a tokenizer.json of Hugging Face (byte-level BPE), for tokeniser: bpe; ids are those of add_special_tokens=False"
    ),
  ]
  let parameters: [any ParameterDeclaration] = [tokeniser, end, validation, piece, seed]
  let outputs = [
    OutputDeclaration(
      "train", file: "train.safetensors",
      help:
        "'tokens' (uint16, or uint32 if there are more than 65536) and 'documents' (uint64: where each begins, and the end)"
    ),
    OutputDeclaration(
      "validation", file: "validation.safetensors", help: "the same; without documents if none was asked for"),
    OutputDeclaration("statistics", file: "statistics.json", help: "documents, bytes and tokens of both"),
  ]

  func run(_ context: OperationContext) async throws {
    let documents = try await TextInput.documents(of: "text", context)
    var tokeniser = try Self.tokeniser(context)
    let split = try DocumentSplit(
      documents, fraction: context[Self.validation], piece: context[Self.piece],
      seed: UInt64(context[Self.seed]))
    var statistics: [String: JSON] = [
      "tokeniser": .string(tokeniser.name), "vocabulary_size": .integer(Int64(tokeniser.vocabularySize)),
    ]
    for (output, ranges) in [("train", split.train), ("validation", split.validation)] {
      let stream = try Self.encode(documents, ranges, &tokeniser, output, context)
      let file = try FileOutput(context.path(of: output))
      try stream.write { try file.write($0) }
      let bytes = ranges.reduce(0) { $0 + $1.count }
      try context.log("\(output): \(ranges.count) documents, \(bytes) bytes, \(stream.tokens.count) tokens")
      statistics[output] = [
        "documents": .integer(Int64(ranges.count)), "bytes": .integer(Int64(bytes)),
        "tokens": .integer(Int64(stream.tokens.count)),
      ]
    }
    try context.write(Array(JSON.object(statistics).pretty.utf8) + [UInt8(ascii: "\n")], to: "statistics")
  }

  private static func tokeniser(_ context: OperationContext) throws -> TextTokeniser {
    let file = context.optionalInput("vocabulary")
    guard context[Self.tokeniser] == "bpe" else {
      guard file == nil else {
        throw Failure(
          .unusable, "the input 'vocabulary' is given, and the tokeniser is bytes",
          hint: "say tokeniser: bpe")
      }
      return .bytes
    }
    guard let file else {
      throw Failure(
        .unusable, "tokeniser: bpe needs the input 'vocabulary'",
        hint: "give it a tokenizer.json, or the output of text.train-tokeniser")
    }
    return try .bytePair(
      BytePairTokeniser(parsing: file.bytes()), name: file.digest.description, end: context[Self.end])
  }

  private static func encode(
    _ documents: Documents, _ ranges: [Range<Int>], _ tokeniser: inout TextTokeniser, _ output: String,
    _ context: OperationContext
  ) throws -> TokenStream {
    var stream = TokenStream(
      tokeniser: tokeniser.name, vocabularySize: tokeniser.vocabularySize, separator: tokeniser.separator)
    for (index, range) in ranges.enumerated() {
      try stream.append { tokens in
        try tokeniser.encode(documents.text.span.extracting(range), into: &tokens)
      }
      if index % 64 == 0 {
        try context.checkCancellation()
        context.progress(Double(index) / Double(ranges.count), output)
      }
    }
    return stream
  }
}
