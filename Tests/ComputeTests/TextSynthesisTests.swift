import Foundation
import JSON
import Testing

@testable import Compute

@Suite struct TextSynthesisTests {
  static let language = SyntheticLanguage(seed: 5, vocabulary: 400, topics: 6)

  @Test func `What the generator says of a document is what a reader of its text finds`() throws {
    for number in 0..<60 {
      let document = Self.language.document(number)
      var scorer = try SyntheticScorer(Self.language, document.text)
      try scorer.read()
      #expect(abs(scorer.nats - document.totalNats) < 1e-10 * document.totalNats)
      #expect(document.totalNats > 0)
    }
  }

  @Test func `The alternatives of every choice have probabilities that sum to one`() throws {
    let long = try #require((0..<50).map(Self.language.document).first { $0.text.count > 1000 })
    var scorer = try SyntheticScorer(Self.language, long.text)
    scorer.checksAlternatives = true
    try scorer.read()
    #expect(scorer.choices > 50)
  }

  @Test func `Words of all classes and numbers are different strings`() {
    for language in [
      Self.language, SyntheticLanguage(seed: 1), SyntheticLanguage(seed: 2, vocabulary: 64, topics: 1),
    ] {
      let forms = SyntheticScorer.forms(of: language.lexicon)
      let lexicon = language.lexicon
      let particles =
        (lexicon.determiners + lexicon.pronouns).joined().count + lexicon.prepositions.count
        + lexicon.relatives.count + lexicon.conjunctions.count
      #expect(forms.count == 2 * language.vocabulary + lexicon.names.count + lexicon.topics.count + particles)
    }
  }

  @Test func `A document is a function of seed and number`() {
    let again = SyntheticLanguage(seed: 5, vocabulary: 400, topics: 6)
    #expect(again.document(7).text == Self.language.document(7).text)
    #expect(again.document(7).nats == Self.language.document(7).nats)
    #expect(Self.language.document(7).text != Self.language.document(8).text)
    #expect(SyntheticLanguage(seed: 6, vocabulary: 400, topics: 6).document(7).text != again.document(7).text)
  }

  @Test func `Entropy and lengths are the same on every machine`() {
    let language = SyntheticLanguage(seed: 1)
    let documents = (0..<4).map(language.document)
    #expect(documents.map(\.text.count) == [201, 71, 819, 732])
    #expect(
      documents.map(\.totalNats.bitPattern) == [
        4_639_307_503_411_631_917, 4_632_707_609_239_845_972, 4_648_388_607_926_765_823,
        4_647_725_248_554_912_516,
      ])
    #expect(checksum(documents.flatMap(\.text)) == 1_542_666_926_795_221_048)
  }

  @Test(arguments: [1, 2, 8, 500]) func `Parts of a distribution are where its words are`(count: Int) {
    let distribution = WordDistribution(zipf: count, exponent: 1.05, shift: 2.7)
    var place = 0
    for word in 0..<count {
      let parts = distribution.parts(of: word)
      #expect(parts > 0)
      #expect(distribution.word(at: place) == word && distribution.word(at: place + parts - 1) == word)
      place += parts
    }
    #expect(place == WordDistribution.total)
  }

  @Test func `A mixture draws words as often as it says`() {
    let mixture = WordMixture(parts: [
      (3, WordDistribution(zipf: 20, exponent: 1, shift: 1)), (5, WordDistribution(uniform: [4, 4, 19])),
      (2, WordDistribution(zipf: 3, exponent: 2, shift: 1, words: [7, 0, 12])),
    ])
    #expect((0..<20).reduce(0) { $0 + mixture.parts(of: $1) } == mixture.total)
    let random = Philox(seed: 9)
    let draws = 40_000
    var counts = [Int](repeating: 0, count: 20)
    for index in 0..<draws {
      counts[mixture.word(at: random.number(below: mixture.total, stream: 0, index: UInt64(index)))] += 1
    }
    for word in 0..<20 {
      let p = Double(mixture.parts(of: word)) / Double(mixture.total)
      let deviation = (Double(counts[word]) - p * Double(draws)) / (p * (1 - p) * Double(draws)).squareRoot()
      #expect(abs(deviation) < 5, "\(word)")
    }
  }

  @Test func `The truth counts every document with its separator`() {
    var truth = SyntheticTruth()
    let documents = (0..<5).map(Self.language.document)
    for document in documents { truth.add(document) }
    #expect(truth.totalBytes == documents.reduce(0) { $0 + $1.text.count + 1 })
    #expect(
      abs(truth.natsPerByte - documents.reduce(0) { $0 + $1.totalNats } / Double(truth.totalBytes)) < 1e-12)
    let kinds = truth.json["nats_by_choice"]?.object?.values.compactMap(\.double) ?? []
    #expect(abs(kinds.reduce(0, +) - truth.totalNats) < 1e-9)
  }
}

/// Reads a text of a synthetic language back: finds every choice that its writer made and sums their -log p, with
/// nothing of the writer but the language's words, weights and mixtures.
struct SyntheticScorer {
  enum Form: Hashable {
    case word(SyntheticLanguage.Class, Int, number: Int)
    case determiner(Int, number: Int)
    case pronoun(gender: Int, number: Int)
    case preposition(Int), relative(Int), conjunction(Int), topic(Int)
    case stop, newline
  }

  struct Failure: Error { let message: String }

  let language: SyntheticLanguage
  private var forms: [Form] = []
  private var topic = 0
  private var place = 0
  private var last = SyntheticLanguage.Anchor(index: 0)
  private var mentioned: [Int] = []
  private(set) var nats = 0.0
  private(set) var choices = 0
  var checksAlternatives = false

  static func forms(of lexicon: SyntheticLexicon) -> [String: Form] {
    var forms: [String: Form] = [:]
    let classes = [lexicon.nouns, lexicon.verbs, lexicon.adjectives, lexicon.names]
    for (kind, words) in zip(SyntheticLanguage.Class.allCases, classes) {
      for (index, word) in words.enumerated() {
        for (number, form) in word.forms.enumerated() { forms[form] = .word(kind, index, number: number) }
      }
    }
    for number in 0..<2 {
      for (index, form) in lexicon.determiners[number].enumerated() {
        forms[form] = .determiner(index, number: number)
      }
      for gender in lexicon.pronouns.indices {
        forms[lexicon.pronouns[gender][number]] = .pronoun(gender: gender, number: number)
      }
    }
    for (index, form) in lexicon.prepositions.enumerated() { forms[form] = .preposition(index) }
    for (index, form) in lexicon.relatives.enumerated() { forms[form] = .relative(index) }
    for (index, form) in lexicon.conjunctions.enumerated() { forms[form] = .conjunction(index) }
    for (index, form) in lexicon.topics.enumerated() { forms[form] = .topic(index) }
    return forms
  }

  init(_ language: SyntheticLanguage, _ text: [UInt8]) throws {
    self.language = language
    let known = Self.forms(of: language.lexicon)
    let text = String(decoding: text, as: UTF8.self)
    let heading = try #require(text.firstMatch(of: /^= ([a-z]+) =\n/))
    guard case .topic(let topic)? = known[String(heading.1)] else { throw Failure(message: "heading") }
    self.topic = topic
    for part in text[heading.range.upperBound...].matches(of: /[A-Za-z]+|\.|\n/).map({ String($0.0) }) {
      switch part {
      case ".": forms.append(.stop)
      case "\n": forms.append(.newline)
      default: forms.append(try #require(known[part.lowercased()], "\(part)"))
      }
    }
  }

  private var next: Form? { place < forms.count ? forms[place] : nil }

  private mutating func take() throws -> Form {
    guard let next else { throw Failure(message: "the text ends too early") }
    place += 1
    return next
  }

  private mutating func choose(_ choice: Int, of weights: [Int]) {
    let probabilities = weights.map { Double($0) / Double(weights.reduce(0, +)) }
    if checksAlternatives { #expect(abs(probabilities.reduce(0, +) - 1) < 1e-14) }
    nats -= log(probabilities[choice])
    choices += 1
  }

  private mutating func choose(_ word: Int, of mixture: WordMixture, count: Int) {
    let probability = { (word: Int) in
      let weights = mixture.parts.map { Double($0.weight) }
      return zip(mixture.parts, weights).map {
        $1 / weights.reduce(0, +) * Double($0.distribution.parts(of: word)) / Double(WordDistribution.total)
      }.reduce(0, +)
    }
    if checksAlternatives {
      #expect(abs((0..<count).reduce(0) { $0 + probability($1) } - 1) < 1e-12)
    }
    nats -= log(probability(word))
    choices += 1
  }

  private struct Subject {
    let number: Int
    let gender: Int
    let head: SyntheticLanguage.Anchor
  }

  mutating func read() throws {
    last = language.anchor(topic: topic)
    choose(topic, of: Array(repeating: 1, count: language.topics))
    var subject: Subject?
    var sentences = 0
    while true {
      subject = try readSentence(after: subject)
      sentences += 1
      let end = next == .newline ? (place + 1 == forms.count ? 2 : 1) : 0
      if end > 0 { place += 1 }
      if sentences < 96 { choose(end, of: [100, 20, 8]) } else { #expect(end == 2) }
      if end == 2 { return }
    }
  }

  private mutating func readSentence(after previous: Subject?) throws -> Subject {
    let subject: Subject
    let weights = previous == nil ? [40, 24] : [30, 16, 18]
    switch next {
    case .determiner:
      choose(0, of: weights)
      subject = try readPhrase()
    case .word(.name, _, _):
      choose(1, of: weights)
      subject = try readName()
    case .pronoun(let gender, let number):
      choose(2, of: weights)
      subject = try #require(previous)
      #expect(gender == subject.gender && number == subject.number)
      place += 1
    default: throw Failure(message: "no subject: \(String(describing: next))")
    }
    if case .pronoun = forms[place - 1] {
    } else if case .preposition = next {
      choose(1, of: [42, 12, 10])
      try readPrepositionPhrase()
    } else if case .relative(let relative) = next {
      choose(2, of: [42, 12, 10])
      place += 1
      choose(relative, of: [32, 20, 12])
      try readPredicate(of: subject)
    } else {
      choose(0, of: [42, 12, 10])
    }
    try readPredicate(of: subject)
    var conjunctions = 0
    while conjunctions < 2 {
      guard case .conjunction(let conjunction) = next else {
        choose(0, of: [52, 12])
        break
      }
      choose(1, of: [52, 12])
      place += 1
      choose(conjunction, of: [28, 18, 12, 6])
      try readPredicate(of: subject)
      conjunctions += 1
    }
    guard try take() == .stop else { throw Failure(message: "no full stop") }
    return subject
  }

  private mutating func readPredicate(of subject: Subject) throws {
    try readWord(.verb, subject.number, after: subject.head)
    let weights = [30, 12, 12, 10]
    switch next {
    case .determiner:
      choose(0, of: weights)
      _ = try readPhrase()
    case .word(.name, _, _):
      choose(1, of: weights)
      _ = try readName()
    case .preposition:
      choose(3, of: weights)
      try readPrepositionPhrase()
    default: choose(2, of: weights)
    }
  }

  private mutating func readPrepositionPhrase() throws {
    guard case .preposition(let preposition) = try take() else { throw Failure(message: "no preposition") }
    choose(preposition, of: [12, 10, 8, 6, 5, 5, 4, 4, 3, 2, 2, 1, 1, 1])
    _ = try readPhrase()
  }

  private mutating func readPhrase() throws -> Subject {
    guard case .determiner(let determiner, let number) = try take() else {
      throw Failure(message: "no determiner")
    }
    choose(number, of: [42, 22])
    choose(determiner, of: [20, 14, 10, 8, 6, 4, 2])
    if case .word(.adjective, _, _) = next {
      choose(1, of: [44, 20])
      try readWord(.adjective, number, after: last)
    } else {
      choose(0, of: [44, 20])
    }
    let noun = try readWord(.noun, number, after: last)
    return Subject(number: number, gender: language.lexicon.nouns[noun].gender, head: last)
  }

  private mutating func readName() throws -> Subject {
    guard case .word(.name, let name, _) = try take() else { throw Failure(message: "no name") }
    let mixture = language.names(topic: topic, mentioned: mentioned.suffix(16))
    choose(name, of: mixture, count: language.lexicon.names.count)
    mentioned.append(name)
    last = language.anchor(.name, name)
    return Subject(number: 0, gender: language.lexicon.names[name].gender, head: last)
  }

  @discardableResult
  private mutating func readWord(
    _ kind: SyntheticLanguage.Class, _ number: Int, after anchor: SyntheticLanguage.Anchor
  ) throws -> Int {
    guard case .word(kind, let word, number) = try take() else {
      throw Failure(message: "no \(kind) of number \(number) before place \(place)")
    }
    let count =
      switch kind {
      case .noun: language.lexicon.nouns.count
      case .verb: language.lexicon.verbs.count
      default: language.lexicon.adjectives.count
      }
    choose(word, of: language.words(kind, topic: topic, after: anchor), count: count)
    last = language.anchor(kind, word)
    return word
  }
}
