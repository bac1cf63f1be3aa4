/// Sums over all tokens, estimated from a sample of them. Below the last attention a token's gradient is large where it is
/// large above, and there it is known of every token (its `reach`): a sum over the sample is multiplied by the quotient of
/// the reach of all tokens and of those in the sample (Cochran, "Sampling Techniques", 1977, chapter 6).
struct RatioEstimate {
  let sample: TokenSample
  /// Of each token of all batches: a magnitude, not negative.
  private let reach: [Double]
  /// What a sum over the sample is multiplied by, and one over each of its halves.
  let scale: Double
  let halfScales: [Double]

  init(_ sample: TokenSample, reach: [Double]) {
    self.sample = sample
    self.reach = reach
    let all = reach.reduce(0, +)
    func scale(_ tokens: [Int]) -> Double {
      let known = tokens.reduce(0.0) { $0 + reach[$1] }
      guard known == 0 else { return all / known }
      return tokens.isEmpty ? 0 : Double(sample.population) / Double(tokens.count)
    }
    self.scale = scale(sample.sampled)
    halfScales = sample.halves.map(scale)
  }

  /// The sum of a quantity over all tokens.
  func sum(_ value: (_ token: Int) -> Double) -> Double {
    scale * sample.sampled.reduce(0.0) { $0 + value($1) }
  }

  /// The standard error of `sum`, from the differences between neighbours in the sample, which are tokens at about the same
  /// position (Wolter, "Introduction to Variance Estimation", 2007, section 8.2).
  /// - Parameter known: the tokens of the sample of which the quantity is known, in the sample's order; at least two.
  func standardError(of known: [Int], _ value: (_ token: Int) -> Double) -> Double {
    guard sample.share < 1 else { return 0 }
    guard known.count > 1 else { return .infinity }
    let reached = known.reduce(0.0) { $0 + reach[$1] }
    let ratio = reached > 0 ? known.reduce(0.0) { $0 + value($1) } / reached : 0
    let rest = known.map { value($0) - ratio * reach[$0] }
    let squares = zip(rest, rest.dropFirst()).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let variance = squares / Double(2 * (known.count - 1))
    return scale * ((1 - sample.share) * variance * Double(sample.sampled.count)).squareRoot()
  }
}
