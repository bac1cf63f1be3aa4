/// A systematic sample of tokens, sorted by their position in the sequence, so that every position has its share, and
/// at random where they have the same: from a random place on, each k-th one, k = N / n. It can be doubled, by the places
/// half-way between.
struct TokenSample {
  private let tokens: [Int]
  /// Where the sample begins, in parts of the distance between neighbours.
  private var start: Double
  private var count: Int
  /// Places in `tokens`, in order.
  private(set) var places: [Int] = []
  /// Its tokens in two halves, and those of them that the beginning, or the last doubling, has added.
  private(set) var halves: [[Int]] = [[], []]
  private(set) var addedHalves: [[Int]] = [[], []]

  /// - Parameters:
  ///   - tokens: of all batches one after the other, those that have a loss.
  ///   - length: tokens of a sequence.
  ///   - count: of the sample, at first; at least `leastCount` are taken.
  init(of tokens: [Int], length: Int, count: Int, seed: UInt64) {
    let random = Philox(seed: seed)
    func bits(_ index: Int) -> UInt64 { random.bits(stream: Streams.gradients, index: UInt64(index)).0 }
    let keys = tokens.map { ($0 % length, bits($0 + 1), $0) }
    self.tokens = keys.sorted { $0 < $1 }.map { $0.2 }
    start = Double(bits(0) >> 11) * 0x1p-53
    self.count = min(max(Self.leastCount, count), tokens.count)
    add(place(self.count, shift: 0))
  }

  /// Of fewer tokens a standard error is known so badly that it means little, and 1.96 of it are no 95 %.
  static let leastCount = 16

  /// Tokens that it is taken from.
  var population: Int { tokens.count }
  var isWhole: Bool { places.count == tokens.count }
  var share: Double { Double(places.count) / Double(tokens.count) }
  /// In the order of the places: neighbours are alike.
  var sampled: [Int] { places.map { tokens[$0] } }

  mutating func double() {
    let known = Set(places)
    var added = place(count, shift: 0.5).filter { !known.contains($0) }
    start = (2 * start).truncatingRemainder(dividingBy: 1)
    count *= 2
    if count >= tokens.count {
      added = tokens.indices.filter { !known.contains($0) }
      count = tokens.count
    }
    add(added)
  }

  /// Neighbours go to different halves.
  private mutating func add(_ added: [Int]) {
    places = (places + added).sorted()
    addedHalves = [0, 1].map { half in
      added.indices.filter { $0 % 2 == half }.map { tokens[added[$0]] }
    }
    for half in 0..<2 { halves[half] += addedHalves[half] }
  }

  private func place(_ count: Int, shift: Double) -> [Int] {
    if count >= tokens.count { return Array(tokens.indices) }
    let step = Double(tokens.count) / Double(count)
    return (0..<count).map { index in
      var place = (start + shift + Double(index)) * step
      if place >= Double(tokens.count) { place -= Double(tokens.count) }
      return min(tokens.count - 1, Int(place))
    }.sorted()
  }
}
