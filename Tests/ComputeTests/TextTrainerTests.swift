import JSON
import System
import Testing

@testable import Compute

@Suite struct TextTrainerTests {
  func train(_ documents: [String], _ vocabulary: Int, special: [String] = [], minimum: Int = 2) throws
    -> TrainedVocabulary
  {
    var trainer = BytePairTrainer()
    for document in documents { try trainer.add(bytes: Array(document.utf8)) }
    return try trainer.train(vocabulary: vocabulary, special: special, minimum: minimum)
  }

  func merges(_ vocabulary: TrainedVocabulary) -> [String] {
    vocabulary.tokens.suffix(vocabulary.merges.count)
  }

  @Test func `The most frequent pair within words is merged first`() throws {
    #expect(merges(try train(["xyz xyz xy"], 300)) == ["xy", "Ġxy"])
  }

  @Test func `Training counts pairs as the definition does`() throws {
    let random = Philox(seed: 21)
    for sample in 0..<20 {
      let text = (0..<300).map { place in
        let letters = ["a", "b", "c", " ", "aa", "ab", "é"]
        return letters[random.number(below: letters.count, stream: 3, index: UInt64(sample * 300 + place))]
      }.joined()
      let trained = try train([text], 256 + 40)
      #expect(merges(trained) == NaiveTrainer(text).merges(40))
    }
  }

  @Test func `Of equally frequent pairs the lowest ids come first`() throws {
    #expect(merges(try train(["dc ba dc ba"], 258)).first == "ba")
    #expect(merges(try train(["abx aby abx aby"], 257)) == ["ab"])
  }

  @Test func `A pair that is too rare is not merged`() throws {
    #expect(merges(try train(["ab ab cd"], 300, minimum: 2)).contains("cd") == false)
    #expect(merges(try train(["ab ab cd"], 300, minimum: 1)).contains("Ġcd"))
    #expect(merges(try train(["ab"], 300)).isEmpty)
    #expect(merges(try train([], 300)).isEmpty)
  }

  @Test func `The file that is written reads back as the tokeniser that was trained`() throws {
    let text = TextTokeniserTests.difficult.joined(separator: " the hall in the hill\n")
    let trained = try train([text], 400, special: ["<|endoftext|>", "<|pad|>"])
    let tokeniser = try BytePairTokeniser(parsing: Array(trained.json.pretty.utf8))
    #expect(tokeniser.vocabularySize == trained.tokens.count)
    #expect(tokeniser.addedToken("<|endoftext|>")?.id == 0 && tokeniser.addedToken("<|pad|>")?.id == 1)
    var encoder = BytePairEncoder(tokeniser)
    let tokens = try encoder.encode(text)
    #expect(tokens.count < text.utf8.count / 2)
    #expect(try tokeniser.decode(tokens) == Array(text.utf8))
  }

  @Test func `Special tokens are what no merge can make`() {
    #expect(TrainedVocabulary.canBeSpecial("<|endoftext|>") && TrainedVocabulary.canBeSpecial("a b"))
    #expect(
      !TrainedVocabulary.canBeSpecial("") && !TrainedVocabulary.canBeSpecial("the")
        && !TrainedVocabulary.canBeSpecial(" the"))
  }

  @Test func `Training can be stopped, and text that is not UTF-8 is refused`() throws {
    struct Stop: Error {}
    var trainer = BytePairTrainer()
    #expect(throws: Failure.self) { try trainer.add(bytes: [0x61, 0xFF]) }
    try trainer.add(bytes: Array((0..<2000).map { "w\($0 % 300) " }.joined().utf8))
    #expect(throws: Stop.self) {
      try trainer.train(vocabulary: 600, special: []) { _ in throw Stop() }
    }
  }

  @Test(.enabled(if: Shared.hasCorpora, "there are no corpora beside the project"))
  func `A vocabulary trained on a corpus is the one that the tokenizers library learns`() throws {
    var trainer = BytePairTrainer()
    try trainer.add(bytes: Shared.bytes(Shared.text))
    let trained = try trainer.train(vocabulary: 2048, special: ["<|endoftext|>"])
    #expect(trained.tokens.count == 2048)
    // Digest of the merges that version 0.23.3 learns.
    #expect(checksum(trained.merges.flatMap { [$0.left, $0.right] }) == 0xCBCE_937B_1501_1E48)
  }
}

extension BytePairTrainer {
  fileprivate mutating func add(bytes: [UInt8]) throws { try add(bytes.span) }
}

/// The definition of training, counting all pairs again for every merge.
private struct NaiveTrainer {
  var words: [[String]] = []

  init(_ text: String) {
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
      let end = WordBoundaries.end(of: bytes.span, from: start)
      words.append(bytes[start..<end].map { String(ByteAlphabet.scalars[Int($0)]) })
      start = end
    }
  }

  func merges(_ count: Int) -> [String] {
    var words = words
    var ids = Dictionary(
      uniqueKeysWithValues: (0..<256).map { String(ByteAlphabet.scalars[$0]) }
        .sorted { $0.unicodeScalars.first! < $1.unicodeScalars.first! }.enumerated().map { ($1, $0) })
    var merges: [String] = []
    while merges.count < count {
      var counts: [[String]: Int] = [:]
      for word in words {
        for (left, right) in zip(word, word.dropFirst()) { counts[[left, right], default: 0] += 1 }
      }
      let best = counts.min { a, b in
        (-a.value, ids[a.key[0]]!, ids[a.key[1]]!) < (-b.value, ids[b.key[0]]!, ids[b.key[1]]!)
      }
      guard let best, best.value >= 2 else { break }
      let merged = best.key.joined()
      ids[merged] = ids.count
      merges.append(merged)
      words = words.map { word in
        var result: [String] = []
        var place = 0
        while place < word.count {
          if place + 1 < word.count, word[place] == best.key[0], word[place + 1] == best.key[1] {
            result.append(merged)
            place += 2
          } else {
            result.append(word[place])
            place += 1
          }
        }
        return result
      }
    }
    return merges
  }
}
