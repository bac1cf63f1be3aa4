internal import Actions
internal import Compute
internal import JSON

/// `text.synthesise`
struct TextSynthesiseOperation: Operation {
  static let seed = Parameter(
    "seed", default: 1, in: 0..., help: "what language and documents are drawn from")
  static let size = Parameter(
    "size", default: 2_000_000, unit: "bytes", in: 1...1 << 30,
    help: "documents are written until there are this many bytes")
  static let vocabulary = Parameter(
    "vocabulary", default: 6144, unit: "words", in: SyntheticLanguage.vocabularyRange,
    help: "nouns, verbs and adjectives of the language, in all")
  static let topics = Parameter(
    "topics", default: 32, in: SyntheticLanguage.topicRange, help: "what documents can be about")

  let name = "text.synthesise"
  let revision = 1
  let summary = "Writes text of an invented language whose true entropy is known."
  let inputs: [InputDeclaration] = []
  let parameters: [any ParameterDeclaration] = [seed, size, vocabulary, topics]
  let outputs = [
    OutputDeclaration(
      "text", file: "text.txt", help: "plain text; each document ends with the record separator U+001E"),
    OutputDeclaration(
      "truth", file: "truth.json",
      help:
        "-log p of the text under the language that wrote it: in all, a byte, by kind of choice, and of each document"
    ),
  ]

  func run(_ context: OperationContext) async throws {
    let language = SyntheticLanguage(
      seed: UInt64(context[Self.seed]), vocabulary: context[Self.vocabulary], topics: context[Self.topics])
    let size = context[Self.size]
    var truth = SyntheticTruth()
    var text: [UInt8] = []
    text.reserveCapacity(size + 1 << 16)
    while text.count < size {
      let document = language.document(truth.documents)
      text += document.text
      text.append(DocumentReader.separator)
      truth.add(document)
      if truth.documents % 256 == 0 {
        try context.checkCancellation()
        context.progress(Double(text.count) / Double(size), "\(truth.documents) documents")
      }
    }
    try context.log("\(truth.documents) documents, \(text.count) bytes, \(truth.natsPerByte) nats a byte")
    try context.write(text, to: "text")
    try context.write(Array(truth.json.pretty.utf8) + [UInt8(ascii: "\n")], to: "truth")
  }
}
