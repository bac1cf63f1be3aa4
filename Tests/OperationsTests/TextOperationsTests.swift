import Actions
import Artefacts
import Compute
import Foundation
import JSON
import Operations
import Support
import System
import Testing

@Suite struct TextOperationsTests {
  typealias Inputs = [String: [(key: String?, bytes: [UInt8])]]

  func run(_ name: String, _ parameters: [String: JSON] = [:], _ inputs: Inputs = [:]) async throws
    -> OperationRun
  {
    try await OperationRun(try #require(Operations.all.first { $0.name == name }), parameters, inputs: inputs)
  }

  func input(_ name: String, _ text: String) -> Inputs { [name: [(nil, Array(text.utf8))]] }

  func stream(_ run: OperationRun, _ output: String) throws -> TokenStream {
    try TokenStream(parsing: try #require(run.bytes(output)))
  }

  static let paragraphs = (0..<400).map { "The hall of paragraph \($0).\nIt's in the hill.\n\n" }.joined()

  @Test func `The synthetic text is as long as its truth says`() async throws {
    let made = try await run("text.synthesise", ["size": 20_000, "vocabulary": 200, "topics": 3])
    let text = try #require(made.bytes("text"))
    let truth = try JSON(parsing: try #require(made.bytes("truth")))
    #expect(text.count >= 20_000 && text.last == 0x1E)
    #expect(truth["bytes"]?.integer == text.count)
    #expect(truth["documents"]?.integer == text.count { $0 == 0x1E })
    let rate = try #require(truth["nats_per_byte"]?.double)
    #expect(rate > 0.2 && rate < 1.2)
    // A longer text begins with the shorter one.
    let longer = try await run("text.synthesise", ["size": 30_000, "vocabulary": 200, "topics": 3])
    #expect(try #require(longer.bytes("text")).starts(with: text))
  }

  @Test func `As bytes, the tokens of the synthetic text are the text`() async throws {
    let made = try await run("text.synthesise", ["size": 20_000, "vocabulary": 200, "topics": 3])
    let text = try #require(made.bytes("text"))
    let tokens = try await run("text.tokenise", ["validation": 0], ["text": [(nil, text)]])
    #expect(try stream(tokens, "train").tokens == text.map { UInt32($0) })
    #expect(try stream(tokens, "validation").tokens.isEmpty)
  }

  @Test func `Train and validation are all of the text, in pieces`() async throws {
    let tokens = try await run(
      "text.tokenise", ["validation": 0.1, "piece": 1024], input("text", Self.paragraphs))
    let (train, validation) = (try stream(tokens, "train"), try stream(tokens, "validation"))
    #expect(train.vocabularySize == 256 && train.tokeniser == "bytes")
    let pieces = train.documents.count + validation.documents.count - 2
    #expect(train.tokens.count + validation.tokens.count == Self.paragraphs.utf8.count + pieces)
    #expect(validation.documents.count - 1 == (pieces + 5) / 10)
    let statistics = try JSON(parsing: try #require(tokens.bytes("statistics")))
    #expect(statistics["train"]?["tokens"]?.integer == train.tokens.count)
    #expect(tokens.log.contains("validation: "))
  }

  @Test func `A vocabulary that was trained tokenises the text it was trained on`() async throws {
    let trained = try await run("text.train-tokeniser", ["vocabulary": 300], input("text", Self.paragraphs))
    let file = try #require(trained.bytes("vocabulary"))
    let tokens = try await run(
      "text.tokenise", ["tokeniser": "bpe", "validation": 0],
      ["text": [(nil, Array(Self.paragraphs.utf8))], "vocabulary": [(nil, file)]])
    let train = try stream(tokens, "train")
    #expect(train.vocabularySize == 300 && train.tokens.last == 0 && train.separator == 0)
    #expect(train.tokeniser == Digest(of: file).description)
    let text = try BytePairTokeniser(parsing: file).decode(train.tokens.dropLast())
    #expect(text == Array(Self.paragraphs.utf8))
  }

  @Test func `Texts of all kinds become documents, and what was wrong is reported`() async throws {
    let corpus = try await run(
      "text.corpus", ["field": "body"],
      [
        "texts": [
          ("a.txt", Array("one\u{1E}\u{1E}two".utf8)),
          ("b.jsonl", Array((#"{"body": "three"}"# + "\n").utf8)),
          ("c.txt", [0x66, 0xFF]),
        ]
      ])
    let documents = try Documents(parsing: try #require(corpus.bytes("documents")))
    #expect(
      (0..<documents.count).map { String(decoding: documents[$0], as: UTF8.self) } == [
        "one", "two", "three", "f\u{FFFD}",
      ])
    let statistics = try JSON(parsing: try #require(corpus.bytes("statistics")))
    #expect(
      statistics["files"] == 3 && statistics["empty_documents"] == 1 && statistics["invalid_sequences"] == 1)
    #expect(corpus.log.contains("1 empty documents left out") && corpus.log.contains("U+FFFD"))
    let tokens = try await run(
      "text.tokenise", ["validation": 0], ["text": [(nil, try #require(corpus.bytes("documents")))]])
    #expect(try stream(tokens, "train").documents == [0, 4, 8, 14, 19])
  }

  @Test func `A folder's files are taken by path, compressed or not, hidden ones left out`() async throws {
    let folder = TemporaryFolder()
    folder.write("second", to: "in/b.txt")
    folder.write("first", to: "in/a/z.txt")
    folder.write("hidden", to: "in/.git/x")
    folder.write("third", to: "in/c.txt")
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gzip.arguments = ["gzip", folder["in/c.txt"]]
    try gzip.run()
    gzip.waitUntilExit()
    folder.write("", to: "run/tmp/.keep")
    let store = try Store(at: folder["store"])
    let publication = store.publication()
    let tree = try publication.add(path: folder["in"])
    try publication.commit()
    let operation = try #require(Operations.all.first { $0.name == "text.corpus" })
    let context = OperationContext(
      operation: operation, parameters: try ParameterValues([:], declarations: operation.parameters),
      inputs: ["texts": [InputArtefact(tree, key: "in", in: store)]], folder: folder["run"])
    try await operation.run(context)
    let documents = try Documents(
      parsing: try #require(folder.read("run/out/documents/documents.safetensors")))
    #expect(
      (0..<documents.count).map { String(decoding: documents[$0], as: UTF8.self) } == [
        "first", "second", "third",
      ])
  }

  @Test func `What cannot be done is said`() async throws {
    func fails(_ name: String, _ parameters: [String: JSON], _ inputs: Inputs, _ part: String) async {
      let error = await #expect(throws: Failure.self) { try await run(name, parameters, inputs) }
      #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    }
    await fails("text.tokenise", ["tokeniser": "bpe"], input("text", "a"), "needs the input 'vocabulary'")
    await fails("text.tokenise", [:], input("text", "a"), "leaves none to train on")
    await fails("text.tokenise", [:], input("text", " \n"), "holds no text")
    await fails("text.corpus", [:], input("texts", "\n"), "holds no documents")
    await fails("text.corpus", ["format": "jsonl"], input("texts", "a"), "texts:1:1: ")
    var both = input("text", "a")
    both["vocabulary"] = [(nil, Array("{}".utf8))]
    await fails("text.tokenise", ["validation": 0], both, "say tokeniser: bpe")
    await fails("text.tokenise", ["tokeniser": "bpe", "validation": 0], both, "pre_tokenizer")
  }

  @Test func `A vocabulary smaller than its alphabet is refused before anything runs`() throws {
    let train = try #require(Operations.all.first { $0.name == "text.train-tokeniser" })
    #expect(throws: ParameterError.self) {
      try train.validate(
        ParameterValues(["vocabulary": 257, "special": ["<a>", "<b>"]], declarations: train.parameters))
    }
    for special: JSON in [["<a>", "<a>"], [""], ["the"]] {
      #expect(throws: ParameterError.self) {
        try ParameterValues(["special": special], declarations: train.parameters)
      }
    }
  }
}
