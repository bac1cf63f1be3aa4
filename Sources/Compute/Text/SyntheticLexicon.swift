/// The invented words of a synthetic language. No two forms are alike, so that a form tells word, class and number.
struct SyntheticLexicon: Sendable {
  enum Number: Int, CaseIterable, Sendable { case singular, plural }
  /// Decides the pronoun of what a noun or name has said.
  static let genders = 3

  static let determinerCount = 7
  static let prepositionCount = 14
  static let relativeCount = 3
  static let conjunctionCount = 4

  struct Word: Sendable {
    /// By number; a name has only the first.
    let forms: [String]
    let gender: Int
  }

  let nouns: [Word]
  let verbs: [Word]
  let adjectives: [Word]
  let names: [Word]
  /// Titles of topics.
  let topics: [String]
  /// By number.
  let determiners: [[String]]
  /// By gender, then number.
  let pronouns: [[String]]
  let prepositions: [String]
  /// Open a relative clause.
  let relatives: [String]
  /// Join two verbs of one subject.
  let conjunctions: [String]

  /// - Parameter vocabulary: nouns, verbs and adjectives together, half of them nouns.
  init(seed: UInt64, vocabulary: Int, topics: Int) {
    var maker = WordMaker(random: Philox(seed: seed))
    // Words that are frequent come first and are short.
    determiners = (0..<2).map { _ in maker.particles(Self.determinerCount) }
    pronouns = (0..<Self.genders).map { _ in maker.particles(2) }
    prepositions = maker.particles(Self.prepositionCount)
    relatives = maker.particles(Self.relativeCount)
    conjunctions = maker.particles(Self.conjunctionCount)
    nouns = maker.words(vocabulary - 2 * (vocabulary / 4), endings: ["", "im"])
    verbs = maker.words(vocabulary / 4, endings: ["a", "on"])
    adjectives = maker.words(vocabulary / 4, endings: ["ek", "eku"])
    names = maker.words(max(vocabulary / 8, 16), endings: [""])
    self.topics = (0..<topics).map { _ in maker.word(syllables: 2, endings: ["us"])[0] }
  }
}

/// Makes words of syllables, each time others.
private struct WordMaker {
  let random: Philox
  private var draws: UInt64 = 0
  private var taken: Set<String> = []

  // A sound that stands here more often is more frequent.
  private static let onsets = [
    "b", "c", "d", "d", "f", "g", "h", "h", "j", "k", "l", "l", "m", "m", "n", "n", "p", "r", "r", "s", "s",
    "t", "t", "v", "w", "y", "z", "", "", "th", "sh", "ch", "st", "br", "tr", "gl", "pl",
  ]
  private static let vowels = [
    "a", "a", "a", "e", "e", "e", "e", "i", "i", "o", "o", "u", "ai", "ea", "ou", "y",
  ]
  private static let codas = [
    "", "", "", "", "", "", "d", "l", "m", "n", "n", "r", "s", "s", "t", "t", "ck", "ng", "nd", "st",
  ]

  init(random: Philox) { self.random = random }

  private mutating func pick(_ choices: [String]) -> String {
    defer { draws += 1 }
    return choices[random.number(below: choices.count, stream: Streams.words, index: draws)]
  }

  /// The forms of a new word: a stem with each of the endings.
  mutating func word(syllables: Int, endings: [String]) -> [String] {
    var attempts = 0
    while true {
      var stem = ""
      // After a few collisions the short stems may be used up.
      for _ in 0..<syllables + attempts / 8 {
        stem += pick(Self.onsets) + pick(Self.vowels) + pick(Self.codas)
      }
      let forms = endings.map { stem + $0 }
      if taken.isDisjoint(with: forms) {
        taken.formUnion(forms)
        return forms
      }
      attempts += 1
    }
  }

  /// Words of the grammar, which are short and have one form.
  mutating func particles(_ count: Int) -> [String] {
    (0..<count).map { _ in word(syllables: 1, endings: [""])[0] }
  }

  /// Words in the order of their frequency, which are the shorter the more frequent they are.
  mutating func words(_ count: Int, endings: [String]) -> [SyntheticLexicon.Word] {
    (0..<count).map { rank in
      let forms = word(syllables: rank < 64 ? 1 : rank < 1200 ? 2 : 3, endings: endings)
      defer { draws += 1 }
      let gender = random.number(below: SyntheticLexicon.genders, stream: Streams.words, index: draws)
      return SyntheticLexicon.Word(forms: forms, gender: gender)
    }
  }
}
