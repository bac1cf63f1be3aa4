public import JSON
public import System

/// How far gradients point the same way in each part of a model: cosines between those of whole sequences' mean losses, and
/// between those of single tokens' losses, and of each with the mean gradient of the other sequences.
///
/// No gradient is compared with a mean that it is a part of, with which the cosine would be about 1 / sqrt(B) for B
/// independent ones. So chance gives 0: where every gradient (of tokens: all those of a sequence together) may as well
/// point the other way, each of these means is 0, except over pairs of tokens of one sequence, where it is 0 if every token's
/// gradient may. A mean of B - 1 sequences has noise, which makes a cosine with it smaller the fewer they are: compare at
/// equal numbers of sequences. A tied embedding counts as the two that it is, one which is read and one which gives logits.
public struct GradientAlignment: Sendable, Hashable {
  /// A mean of cosines.
  public struct Cosine: Sendable, Hashable {
    public let mean: Double
    /// 95 % over sequences, for this checkpoint: the mean and Student's t times its standard error, by the jackknife that
    /// leaves out a sequence at a time. Nil where these are too few.
    public let interval: BootstrapIntervals.Interval?
  }

  /// Part of a model, named as in `ParameterLayout.blocks`. What cannot be told there is nil.
  public struct Block: Sendable, Hashable {
    public let name: String
    /// Over pairs of sequences.
    public let sequencePairs: Cosine?
    /// Over sequences: of each with the mean of the others.
    public let sequenceMean: Cosine?
    /// Over pairs of tokens of different sequences, and of one.
    public let tokenPairs, tokenPairsWithin: Cosine?
    /// Over tokens: of each with the mean gradient of the other sequences.
    public let tokenMean: Cosine?
    /// Tokens that have a direction here: whose gradient is not 0.
    public let tokens: Int
    /// sum_b |g_b|^2 / |sum_b g_b|^2 over sequences b (Yin et al. 2018, "Gradient diversity", arXiv 1706.05699); 1 by chance.
    public let diversity: Double?
    /// tr(Sigma) / |G|^2 in sequences, both free of bias (McCandlish et al. 2018, arXiv 1812.06162, appendix A): the batch
    /// from which on larger ones gain little. Nil where noise leaves nothing of |G|^2.
    public let noiseScale: Double?
  }

  public let run: String
  /// The update that the checkpoint was made after.
  public let step: Int
  public let sequences: Int
  /// Tokens whose gradients were followed, of all that have a loss.
  public let followed, tokens: Int
  public let blocks: [Block]

  public subscript(_ name: String) -> Block? { blocks.first { $0.name == name } }
}

extension GradientAlignment.Cosine {
  /// - Parameters:
  ///   - count: sequences.
  ///   - mean: with a sequence left out, or with all; nil where nothing is left.
  init?(over count: Int, _ mean: (_ without: Int?) -> Double?) {
    guard let all = mean(nil) else { return nil }
    self.mean = all
    let others = (0..<count).compactMap { mean($0) }
    guard count > 1, others.count == count else {
      interval = nil
      return
    }
    let centre = Sums.mean(others)
    let squares = Sums.sum(others.map { ($0 - centre) * ($0 - centre) })
    let error = (squares * Double(count - 1) / Double(count)).squareRoot()
    let width = StudentT.quantile(tails: 0.05, degrees: count - 1) * error
    interval = .init(lower: all - width, upper: all + width)
  }

  /// The mean over pairs of sequences.
  /// - Parameters:
  ///   - sum: of the cosines of a pair.
  ///   - weight: how many they are.
  init?(over count: Int, sum: (Int, Int) -> Double, weight: (Int, Int) -> Double) {
    func rows(_ value: (Int, Int) -> Double) -> [Double] {
      (0..<count).map { a in Sums.sum((0..<count).map { $0 == a ? 0 : value(a, $0) }) }
    }
    let (sums, weights) = (rows(sum), rows(weight))
    let (whole, all) = (Sums.sum(sums) / 2, Sums.sum(weights) / 2)
    self.init(over: count) { without in
      let left = all - (without.map { weights[$0] } ?? 0)
      return left > 0.5 ? (whole - (without.map { sums[$0] } ?? 0)) / left : nil
    }
  }

  /// The mean over what each sequence has some of.
  init?(sums: [Double], counts: [Int]) {
    let places = counts.indices.filter { counts[$0] > 0 }
    let (whole, all) = (Sums.sum(places.map { sums[$0] }), places.reduce(0) { $0 + counts[$1] })
    self.init(over: places.count) { without in
      let count = all - (without.map { counts[places[$0]] } ?? 0)
      return count > 0 ? (whole - (without.map { sums[places[$0]] } ?? 0)) / Double(count) : nil
    }
  }
}

extension GradientAlignment {
  public var json: JSON {
    [
      "run": .string(run), "step": .whole(step), "sequences": .whole(sequences),
      "followed_tokens": .whole(followed), "tokens": .whole(tokens), "blocks": .array(blocks.map(\.json)),
    ]
  }

  public init(json: JSON) throws(Failure) {
    run = try json.text("run")
    step = try json.whole("step")
    sequences = try json.whole("sequences")
    followed = try json.whole("followed_tokens")
    tokens = try json.whole("tokens")
    var blocks: [Block] = []
    for block in try json.list("blocks") { blocks.append(try Block(json: block)) }
    self.blocks = blocks
  }
}

extension GradientAlignment.Block {
  fileprivate var json: JSON {
    func cosine(_ cosine: GradientAlignment.Cosine?) -> JSON {
      cosine.map { ["mean": .number($0.mean), "interval": $0.interval?.json ?? .null] } ?? .null
    }
    return [
      "name": .string(name), "tokens": .whole(tokens), "sequence_pairs": cosine(sequencePairs),
      "sequence_mean": cosine(sequenceMean), "token_pairs": cosine(tokenPairs),
      "token_pairs_within": cosine(tokenPairsWithin), "token_mean": cosine(tokenMean),
      "diversity": .optional(diversity), "noise_scale": .optional(noiseScale),
    ]
  }

  fileprivate init(json: JSON) throws(Failure) {
    func cosine(_ name: String) throws(Failure) -> GradientAlignment.Cosine? {
      let value = try json.member(name)
      guard !value.isNull else { return nil }
      return .init(mean: try value.number("mean"), interval: try value.optionalInterval("interval"))
    }
    name = try json.text("name")
    tokens = try json.whole("tokens")
    sequencePairs = try cosine("sequence_pairs")
    sequenceMean = try cosine("sequence_mean")
    tokenPairs = try cosine("token_pairs")
    tokenPairsWithin = try cosine("token_pairs_within")
    tokenMean = try cosine("token_mean")
    diversity = try json.optionalNumber("diversity")
    noiseScale = try json.optionalNumber("noise_scale")
  }
}
