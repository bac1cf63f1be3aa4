public import JSON
public import System

extension LossRanking {
  /// How alike trainings rank tokens by their losses, and which tokens a rate favours, where all have one mean loss.
  ///
  /// - `loss`: that mean loss; `trainings`: of each rate, of these each seed, the `step` at which it has it first, which lies
  ///   between the checkpoints `before` and `after`;
  /// - `correlations`: Spearman's rank correlation of the tokens' losses of any two trainings, in that order;
  /// - `pairs`: of any two rates the mean correlation `within` a rate between seeds, `between` the rates with different seeds
  ///   and with the `same_seed`; `excess` is within - between: how much less alike rates are than seeds, with a 95 %
  ///   `interval` and the `probability` of as much if rates are as alike as seeds (`SeedPairs`);
  /// - `frequencies`, `positions`: of the tokens of a bin, for each rate the mean loss of each seed (`losses`) and the
  ///   `difference` of their mean from the mean over rates, with a 95 % `interval` and the `probability` of as much if rates do
  ///   not differ (`SeedContrast`). What a rate favours has a negative difference; over all tokens there is none.
  ///
  /// What fewer seeds do not tell is `null`.
  /// - Parameters:
  ///   - stream: all tokens of the stream, which are below `vocabulary`.
  /// - Throws: if not every training has the mean loss, the losses of one are all the same there, or the stream is shorter
  ///   than the losses.
  public func summary(at level: Double, stream: [UInt32], vocabulary: Int) throws(Failure) -> JSON {
    guard tokens < stream.count else {
      throw Failure(.unusable, "the losses are of \(tokens) tokens, and the stream has \(stream.count)")
    }
    let places = try places(at: level)
    var ranks: [[Double]] = []
    for place in places {
      guard let direction = Agreement.ranks(direction: place.losses) else {
        throw Failure(
          .unusable, "all tokens have the same loss in one of the trainings, so they have no order")
      }
      ranks.append(direction)
    }
    var correlations = Array(repeating: Array(repeating: 1.0, count: trainings), count: trainings)
    for a in 0..<trainings {
      for b in 0..<a {
        correlations[a][b] = min(1, max(-1, Sums.dot(ranks[a], ranks[b])))
        correlations[b][a] = correlations[a][b]
      }
    }
    let bins = [
      "frequencies": TokenBins.frequencies(of: stream, vocabulary: vocabulary, count: tokens),
      "positions": TokenBins.positions(count: tokens, context: context),
    ]
    var members: [String: JSON] = [
      "loss": .number(level),
      "trainings": .array(
        places.enumerated().map { training, place in
          [
            "rate": .number(rates[training / seeds.count]), "seed": .whole(seeds[training % seeds.count]),
            "step": .number(place.step), "before": .whole(place.before), "after": .whole(place.after),
          ]
        }),
      "correlations": .array(correlations.map { .numbers($0) }), "pairs": .array(pairs(correlations)),
    ]
    for (name, bins) in bins { members[name] = bins.rows { self.row($0, places) } }
    return .object(members)
  }

  private func pairs(_ correlations: [[Double]]) -> [JSON] {
    rates.indices.flatMap { a in
      (a + 1..<rates.count).map { b in pair(a, b, correlations) }
    }
  }

  private func pair(_ a: Int, _ b: Int, _ correlations: [[Double]]) -> JSON {
    let n = seeds.count
    func correlation(_ a: Int, _ i: Int, _ b: Int, _ j: Int) -> Double { correlations[a * n + i][b * n + j] }
    func within(_ i: Int, _ j: Int) -> Double { (correlation(a, i, a, j) + correlation(b, i, b, j)) / 2 }
    func between(_ i: Int, _ j: Int) -> Double { (correlation(a, i, b, j) + correlation(a, j, b, i)) / 2 }
    var members: [String: JSON] = [
      "rates": .numbers([rates[a], rates[b]]),
      "same_seed": .number(Sums.mean((0..<n).map { correlation(a, $0, b, $0) })),
    ]
    let excess = n > 1 ? SeedPairs(seeds: n) { within($0, $1) - between($0, $1) } : nil
    members["within"] = .optional(n > 1 ? SeedPairs(seeds: n, within).mean : nil)
    members["between"] = .optional(n > 1 ? SeedPairs(seeds: n, between).mean : nil)
    members["excess"] = .optional(excess?.mean)
    members["interval"] = Self.interval(excess?.interval)
    members["probability"] = .optional(excess?.probability)
    return .object(members)
  }

  private func row(_ tokens: [Int], _ places: [Place]) -> [String: JSON] {
    let means = places.map { place in Sums.mean(tokens.map { place.losses[$0] }) }
    let spreads = rates.indices.compactMap { rate in
      SeedSpread(Array(means[rate * seeds.count..<(rate + 1) * seeds.count]))
    }
    let rows = rates.indices.map { rate -> JSON in
      let contrast = SeedContrast(of: rate, among: spreads)
      return [
        "rate": .number(rates[rate]), "losses": .numbers(spreads[rate].values),
        "difference": .number(contrast.difference), "interval": Self.interval(contrast.interval),
        "probability": .optional(contrast.probability),
      ]
    }
    return ["tokens": .whole(tokens.count), "rates": .array(rows)]
  }

  private static func interval(_ interval: ClosedRange<Double>?) -> JSON {
    interval.map { .numbers([$0.lowerBound, $0.upperBound]) } ?? .null
  }
}
