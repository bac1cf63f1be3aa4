internal import Actions
internal import Compute
internal import JSON

/// `text.train-tokeniser`
struct TextTrainTokeniserOperation: Operation {
  static let vocabulary = Parameter(
    "vocabulary", default: 4096, unit: "tokens", in: 257...1 << 20,
    help: "tokens in all: special ones, 256 bytes, and merges; fewer if the text gives no more")
  static let special = Parameter(
    "special", default: ["<|endoftext|>"],
    help: "contents of special tokens, which get the first ids",
    constraint: "different from each other, none of them empty or a single word",
    allows: { special in
      Set(special.map { Array($0.utf8) }).count == special.count
        && special.allSatisfy(TrainedVocabulary.canBeSpecial)
    })
  static let minimum = Parameter(
    "minimum", default: 2, in: 1..., help: "pairs that are less frequent are not merged")

  let name = "text.train-tokeniser"
  let revision = 1
  let summary = "Learns a byte-level BPE vocabulary from text, as a tokenizer.json."
  let inputs = [InputDeclaration("text", help: TextInput.help)]
  let parameters: [any ParameterDeclaration] = [vocabulary, special, minimum]
  let outputs = [
    OutputDeclaration(
      "vocabulary", file: "tokenizer.json",
      help:
        "for text.tokenise and for the tokenizers library; of equally frequent pairs, those of lower ids come first"
    )
  ]

  func validate(_ parameters: ParameterValues) throws(ParameterError) {
    let least = 256 + parameters[Self.special].count
    if parameters[Self.vocabulary] < least {
      throw ParameterError("vocabulary", "is less than the \(least) special tokens and bytes")
    }
  }

  func run(_ context: OperationContext) async throws {
    let documents = try await TextInput.documents(of: "text", context)
    var trainer = BytePairTrainer()
    for document in 0..<documents.count {
      try trainer.add(documents.text.span.extracting(documents.range(document)))
      if document % 256 == 0 { try context.checkCancellation() }
    }
    let size = context[Self.vocabulary]
    let trained = try trainer.train(
      vocabulary: size, special: context[Self.special], minimum: context[Self.minimum]
    ) { count in
      try context.checkCancellation()
      context.progress(Double(count) / Double(size), "\(count) tokens")
    }
    try context.log("\(trained.tokens.count) tokens, \(trained.merges.count) merges")
    try context.write(Array(trained.json.pretty.utf8) + [UInt8(ascii: "\n")], to: "vocabulary")
  }
}
