/// Probabilities of words in whole parts of `total`, so that draws and their probabilities are exact on every machine.
struct WordDistribution: Sendable {
  /// What the parts of every distribution sum to. A multiple of 1...16, so that up to 16 things can be equally likely.
  static let total = 720_720 * 16

  /// The words, of the highest probability first; nil for 0, 1, 2, ...
  private let words: [Int]?
  /// Sums of parts up to and including each word.
  private let sums: [Int]

  /// Zipf's law as Mandelbrot gave it: the word of rank r = 0, 1, ... has a probability proportional to
  /// (r + shift)^-exponent. Every word has at least one part.
  init(zipf count: Int, exponent: Double, shift: Double, words: [Int]? = nil) {
    precondition(count > 0 && count <= Self.total / 2 && words.map { $0.count == count } != false)
    let weights = (0..<count).map { Elementary.exp(-exponent * Elementary.log(Double($0) + shift)) }
    let scale = Double(Self.total - count) / weights.reduce(0, +)
    var parts = weights.map { 1 + Int($0 * scale) }
    // Rounding down leaves a few parts over; rounding of the sum itself cannot take more than the first has.
    parts[0] += Self.total - parts.reduce(0, +)
    self.init(parts: parts, words: words)
  }

  /// Each of up to 16 words equally likely; one that stands there twice, twice as likely.
  init(uniform words: [Int]) {
    precondition((1...16).contains(words.count))
    self.init(parts: words.map { _ in Self.total / words.count }, words: words)
  }

  private init(parts: [Int], words: [Int]?) {
    var sum = 0
    sums = parts.map { part in
      sum += part
      return sum
    }
    self.words = words
  }

  var count: Int { sums.count }

  /// The parts of a word.
  func parts(of word: Int) -> Int {
    guard let words else { return sums[word] - (word == 0 ? 0 : sums[word - 1]) }
    var parts = 0
    for (rank, other) in words.enumerated() where other == word {
      parts += sums[rank] - (rank == 0 ? 0 : sums[rank - 1])
    }
    return parts
  }

  /// The word at a place from 0 to `total` - 1.
  func word(at place: Int) -> Int {
    var low = 0
    var high = sums.count - 1
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] > place { high = middle } else { low = middle + 1 }
    }
    return words?[low] ?? low
  }
}

/// A mixture of distributions. What a word's probability is follows from the word alone: which of them it was drawn from
/// need not be known.
struct WordMixture {
  /// Distributions and their whole weights.
  let parts: [(weight: Int, distribution: WordDistribution)]

  /// What the parts of all words sum to.
  var total: Int { parts.reduce(0) { $0 + $1.weight } * WordDistribution.total }

  func parts(of word: Int) -> Int { parts.reduce(0) { $0 + $1.weight * $1.distribution.parts(of: word) } }

  /// The word at a place from 0 to `total` - 1.
  func word(at place: Int) -> Int {
    var place = place
    for (weight, distribution) in parts {
      let width = weight * WordDistribution.total
      if place < width { return distribution.word(at: place / weight) }
      place -= width
    }
    preconditionFailure("the place lies beyond the mixture")
  }
}
