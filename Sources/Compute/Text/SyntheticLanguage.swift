/// A synthetic language: its words and how likely they are, each a pure function of the seed.
///
/// A text has a topic, named in its heading, and sentences of this grammar, in which the verbs of a sentence agree in
/// number with its subject across all that stands between, and pronouns in number and gender with the subject before:
///
///     text      = "= " topic " =\n" sentence { (" " | "\n") sentence } "\n"
///     sentence  = subject [ preposition phrase | relative verb object ] verb object
///                 { conjunction verb object } "."               at most twice
///     subject   = phrase | name | pronoun
///     object    = phrase | name | nothing | preposition phrase
///     phrase    = determiner [ adjective ] noun                 one number for all three
///
/// Nouns, verbs and adjectives are drawn from a mixture of what is frequent everywhere (Zipf), what is frequent under the
/// topic, and what is bound to the word before (for a verb: to the head of its subject); names from a mixture of all
/// names, the topic's names, and the names that the text has mentioned.
public struct SyntheticLanguage: Sendable {
  public let seed: UInt64
  /// Nouns, verbs and adjectives together.
  public let vocabulary: Int
  public let topics: Int
  let lexicon: SyntheticLexicon

  enum Class: Int, CaseIterable, Sendable { case noun, verb, adjective, name }

  /// A word that others can be bound to.
  struct Anchor: Sendable, Hashable {
    let index: Int
  }

  private let anywhere: [WordDistribution]
  /// By class, then topic.
  private let topical: [[WordDistribution]]
  /// By class (except names), then anchor.
  private let bound: [[WordDistribution]]
  private let firstAnchors: [Int]

  /// Weights of words from anywhere, of the topic, and bound to the anchor (names: mentioned before), by class.
  private static let weights = [(20, 24, 20), (22, 16, 26), (20, 16, 28), (10, 22, 32)]
  static let boundWords = 6

  public static let vocabularyRange = 64...65_536
  public static let topicRange = 1...256

  /// - Precondition: `vocabulary` and `topics` lie in their ranges.
  public init(seed: UInt64, vocabulary: Int = 6144, topics: Int = 32) {
    precondition(Self.vocabularyRange.contains(vocabulary) && Self.topicRange.contains(topics))
    self.seed = seed
    self.vocabulary = vocabulary
    self.topics = topics
    let lexicon = SyntheticLexicon(seed: seed, vocabulary: vocabulary, topics: topics)
    self.lexicon = lexicon
    let counts = [lexicon.nouns, lexicon.verbs, lexicon.adjectives, lexicon.names].map(\.count)
    let anywhere = counts.map { WordDistribution(zipf: $0, exponent: 1.05, shift: 2.7) }
    self.anywhere = anywhere
    var first = topics
    firstAnchors = counts.map { count in
      defer { first += count }
      return first
    }
    let anchors = first

    let random = Philox(seed: seed)
    var draws: UInt64 = 0
    topical = counts.map { count in
      (0..<topics).map { _ in
        let words = distinct(max(count / 12, 8)) {
          defer { draws += 1 }
          return random.number(below: count, stream: Streams.topics, index: draws)
        }
        return WordDistribution(zipf: words.count, exponent: 1, shift: 2, words: words)
      }
    }
    draws = 0
    bound = anywhere.dropLast().map { anywhere in
      (0..<anchors).map { _ in
        let words = distinct(Self.boundWords) {
          defer { draws += 1 }
          return anywhere.word(
            at: random.number(
              below: WordDistribution.total, stream: Streams.neighbours, index: draws))
        }
        return WordDistribution(zipf: words.count, exponent: 1.2, shift: 0.8, words: words)
      }
    }
  }

  func anchor(topic: Int) -> Anchor { Anchor(index: topic) }
  func anchor(_ kind: Class, _ word: Int) -> Anchor { Anchor(index: firstAnchors[kind.rawValue] + word) }

  /// How likely words of a class other than names are after an anchor.
  func words(_ kind: Class, topic: Int, after anchor: Anchor) -> WordMixture {
    let (global, topical, bound) = Self.weights[kind.rawValue]
    return WordMixture(parts: [
      (global, anywhere[kind.rawValue]), (topical, self.topical[kind.rawValue][topic]),
      (bound, self.bound[kind.rawValue][anchor.index]),
    ])
  }

  /// How likely names are.
  ///
  /// - Parameter mentioned: the last mentions in the text, at most 16.
  func names(topic: Int, mentioned: [Int]) -> WordMixture {
    let kind = Class.name.rawValue
    let (global, topical, repeated) = Self.weights[kind]
    let fresh = [(global, anywhere[kind]), (topical, self.topical[kind][topic])]
    return WordMixture(
      parts: mentioned.isEmpty ? fresh : fresh + [(repeated, WordDistribution(uniform: mentioned))])
  }
}

/// As many different numbers as asked for, in the order in which they are first drawn.
private func distinct(_ count: Int, _ draw: () -> Int) -> [Int] {
  var numbers: [Int] = []
  var seen: Set<Int> = []
  while numbers.count < count {
    let number = draw()
    if seen.insert(number).inserted { numbers.append(number) }
  }
  return numbers
}
