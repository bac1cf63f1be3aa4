/// A document of a synthetic language, with the exact negative logarithm of its probability: the sum over the choices
/// that made it, all of which can be read back from the text.
public struct SyntheticDocument: Sendable {
  /// What a choice is about.
  public enum Choice: Int, CaseIterable, Sendable {
    case topic, structure, number, word, name
  }

  public let text: [UInt8]
  /// -log p in nats, by kind of choice. That the document ends where it does is one of the choices.
  public let nats: [Double]

  public var totalNats: Double { nats.reduce(0, +) }
}

extension SyntheticLanguage {
  /// Weights of the choices that the grammar leaves.
  enum Grammar {
    /// A phrase, a name, or a pronoun, which needs a subject before.
    static let subject = [30, 16, 18]
    static let firstSubject = [40, 24]
    /// Nothing, a preposition phrase, a relative clause.
    static let modifier = [42, 12, 10]
    /// A phrase, a name, nothing, a preposition phrase.
    static let object = [30, 12, 12, 10]
    /// Whether another verb is joined.
    static let conjunction = [52, 12]
    static let conjunctions = 2
    static let number = [42, 22]
    static let determiner = [20, 14, 10, 8, 6, 4, 2]
    /// Whether there is one.
    static let adjective = [44, 20]
    static let preposition = [12, 10, 8, 6, 5, 5, 4, 4, 3, 2, 2, 1, 1, 1]
    static let relative = [32, 20, 12]
    static let joined = [28, 18, 12, 6]
    /// Whether the paragraph goes on, a new one begins, or the text ends.
    static let end = [100, 20, 8]
    /// With this many sentences a text ends.
    static let sentences = 96
    /// This many last mentions of names count.
    static let mentions = 16
  }

  /// The document of a number: a pure function of language and number.
  public func document(_ number: Int) -> SyntheticDocument {
    var writer = DocumentWriter(self, number)
    writer.write()
    return SyntheticDocument(text: writer.text, nats: writer.nats)
  }
}

/// Writes one document, choice by choice, in the order of the text.
private struct DocumentWriter {
  private typealias Grammar = SyntheticLanguage.Grammar
  private typealias Number = SyntheticLexicon.Number

  /// What a verb agrees with and a pronoun can stand for.
  private struct Subject {
    let number: Number
    let gender: Int
    let head: SyntheticLanguage.Anchor
  }

  private let language: SyntheticLanguage
  private let lexicon: SyntheticLexicon
  private let random: Philox
  /// The high half is the document's number, the low half counts draws.
  private var index: UInt64
  private(set) var text: [UInt8] = []
  private(set) var nats = [Double](repeating: 0, count: SyntheticDocument.Choice.allCases.count)
  private var topic = 0
  /// The content word last written.
  private var last = SyntheticLanguage.Anchor(index: 0)
  private var mentioned: [Int] = []
  private var atStart = true

  init(_ language: SyntheticLanguage, _ number: Int) {
    self.language = language
    lexicon = language.lexicon
    random = Philox(seed: language.seed)
    index = UInt64(number) << 32
  }

  mutating func write() {
    topic = choose(.topic, Array(repeating: 1, count: language.topics))
    last = language.anchor(topic: topic)
    text += "= \(lexicon.topics[topic]) =\n".utf8
    var subject: Subject?
    for sentence in 1...Grammar.sentences {
      subject = writeSentence(after: subject)
      let end = sentence < Grammar.sentences ? choose(.structure, Grammar.end) : 2
      text.append(UInt8(ascii: end == 0 ? " " : "\n"))
      if end == 2 { return }
    }
  }

  private mutating func writeSentence(after previous: Subject?) -> Subject {
    atStart = true
    let subject: Subject
    var isPronoun = false
    switch choose(.structure, previous == nil ? Grammar.firstSubject : Grammar.subject) {
    case 0: subject = writePhrase()
    case 1: subject = writeName()
    default:
      // Only with a subject before is this a choice.
      subject = previous.unsafelyUnwrapped
      write(lexicon.pronouns[subject.gender][subject.number.rawValue])
      isPronoun = true
    }
    switch isPronoun ? 0 : choose(.structure, Grammar.modifier) {
    case 1: writePrepositionPhrase()
    case 2:
      write(lexicon.relatives[choose(.structure, Grammar.relative)])
      writePredicate(of: subject)
    default: break
    }
    writePredicate(of: subject)
    var conjunctions = 0
    while conjunctions < Grammar.conjunctions, choose(.structure, Grammar.conjunction) == 1 {
      write(lexicon.conjunctions[choose(.structure, Grammar.joined)])
      writePredicate(of: subject)
      conjunctions += 1
    }
    text.append(UInt8(ascii: "."))
    return subject
  }

  private mutating func writePredicate(of subject: Subject) {
    write(.verb, subject.number, after: subject.head)
    switch choose(.structure, Grammar.object) {
    case 0: _ = writePhrase()
    case 1: _ = writeName()
    case 3: writePrepositionPhrase()
    default: break
    }
  }

  private mutating func writePrepositionPhrase() {
    write(lexicon.prepositions[choose(.structure, Grammar.preposition)])
    _ = writePhrase()
  }

  private mutating func writePhrase() -> Subject {
    let number: Number = choose(.number, Grammar.number) == 0 ? .singular : .plural
    write(lexicon.determiners[number.rawValue][choose(.structure, Grammar.determiner)])
    if choose(.structure, Grammar.adjective) == 1 { write(.adjective, number, after: last) }
    let noun = write(.noun, number, after: last)
    return Subject(number: number, gender: lexicon.nouns[noun].gender, head: last)
  }

  private mutating func writeName() -> Subject {
    let name = choose(.name, language.names(topic: topic, mentioned: mentioned))
    mentioned.append(name)
    if mentioned.count > Grammar.mentions { mentioned.removeFirst() }
    last = language.anchor(.name, name)
    write(lexicon.names[name].forms[0], capital: true)
    return Subject(number: .singular, gender: lexicon.names[name].gender, head: last)
  }

  @discardableResult
  private mutating func write(
    _ kind: SyntheticLanguage.Class, _ number: Number, after anchor: SyntheticLanguage.Anchor
  ) -> Int {
    let word = choose(.word, language.words(kind, topic: topic, after: anchor))
    last = language.anchor(kind, word)
    let words = kind == .noun ? lexicon.nouns : kind == .verb ? lexicon.verbs : lexicon.adjectives
    write(words[word].forms[number.rawValue])
    return word
  }

  private mutating func write(_ form: String, capital: Bool = false) {
    if !atStart { text.append(UInt8(ascii: " ")) }
    let start = text.count
    text += form.utf8
    if atStart || capital { text[start] -= 0x20 }
    atStart = false
  }

  private mutating func choose(_ kind: SyntheticDocument.Choice, _ weights: [Int]) -> Int {
    let total = weights.reduce(0, +)
    var place = draw(below: total)
    for (choice, weight) in weights.enumerated() {
      if place < weight {
        count(kind, weight, of: total)
        return choice
      }
      place -= weight
    }
    preconditionFailure("a draw lies beyond the weights")
  }

  private mutating func choose(_ kind: SyntheticDocument.Choice, _ mixture: WordMixture) -> Int {
    let total = mixture.total
    let word = mixture.word(at: draw(below: total))
    count(kind, mixture.parts(of: word), of: total)
    return word
  }

  private mutating func draw(below total: Int) -> Int {
    defer { index += 1 }
    return random.number(below: total, stream: Streams.documents, index: index)
  }

  private mutating func count(_ kind: SyntheticDocument.Choice, _ weight: Int, of total: Int) {
    nats[kind.rawValue] += Elementary.log(Double(total)) - Elementary.log(Double(weight))
  }
}
