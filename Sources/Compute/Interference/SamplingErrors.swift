/// What a systematic sample of tokens leaves unknown, from the differences between neighbours in it: tokens at about the same
/// position (Wolter, "Introduction to Variance Estimation", 2007, section 8.2).
struct SamplingErrors {
  private let sample: TokenSample
  private let sums: [[TokenSums]]
  private let whole: [CoordinateSums]
  /// Tensors that the sample estimates.
  private let estimated: Set<Int>

  /// Tensors of which each row meets few tokens, so that a sample says little about it.
  private let tables: Set<Int>

  /// - Parameters:
  ///   - sums: [tensors][tokens].
  init(
    _ sample: TokenSample, sums: [[TokenSums]], whole: [CoordinateSums], estimated: Set<Int>,
    tables: Set<Int>
  ) {
    self.sample = sample
    self.tables = tables
    self.sums = sums
    self.whole = whole
    self.estimated = estimated
  }

  /// The noise of A_j in |G_j| / A_j makes it too large by about b (1/n - 1/N), where half of the sample makes it too large
  /// by b (2/n - 1/N).
  func noiseBias(_ tensors: [Int]) -> Double {
    var difference = 0.0
    for tensor in tensors where estimated.contains(tensor) {
      difference += whole[tensor].halfConstructive - whole[tensor].constructive
    }
    return difference * (1 - sample.share) / Double(tensors.reduce(0) { $0 + whole[$1].touched })
  }

  func errors(_ tensors: [Int], of found: GradientInterference) -> GradientInterference.Errors {
    let sampled = tensors.filter(estimated.contains)
    let tokens = sample.sampled
    let count = Double(tokens.count)
    let touched = Double(found.coordinates.touched)
    // A token moves the A_j of a tensor by its share of their sum, and sum_j |G_j| / A_j against that.
    let shares = sampled.map { tensor in
      whole[tensor].constructive / touched * count
        / tokens.reduce(0.0) { $0 + sums[tensor][$1].l1Norm }
    }
    let destructive = standardError { token in
      zip(sampled, shares).reduce(0.0) { $0 + $1.1 * sums[$1.0][token].l1Norm }
    }
    func sum(_ tensors: [Int], _ token: Int, _ member: KeyPath<TokenSums, Double>) -> Double {
      tensors.reduce(0.0) { $0 + sums[$1][token][keyPath: member] }
    }
    // Relative errors of sum_j sum_i |p_ij|, of sum_i |sum_j p_ij|, and of their quotient.
    let n = Double(found.tokens)
    let magnitude = found.coordinates.participationMagnitude / n
    let change = found.meanAbsoluteLossChange
    let magnitudes = standardError { sum(sampled, $0, \.absoluteParticipation) } / magnitude
    let changes = standardError { abs(sum(tensors, $0, \.participation)) } / change
    let quotient = standardError { token in
      abs(sum(tensors, token, \.participation)) / change
        - sum(sampled, token, \.absoluteParticipation) / magnitude
    }
    return GradientInterference.Errors(
      destructive: tables.isDisjoint(with: tensors) || sample.isWhole ? destructive : .infinity,
      constructiveOverTokens: magnitudes * found.constructiveOverTokens,
      constructiveOverCoordinates: quotient * found.constructiveOverCoordinates,
      constructiveOfLosses: changes * found.constructiveOfLosses, meanAbsoluteLossChange: changes * change)
  }

  /// Of the mean of a quantity over all tokens.
  private func standardError(_ value: (_ token: Int) -> Double) -> Double {
    let values = sample.sampled.map(value)
    guard values.count > 1 else { return .infinity }
    let squares = zip(values, values.dropFirst()).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let variance = squares / Double(2 * (values.count - 1))
    return (max(0, 1 - sample.share) * variance / Double(values.count)).squareRoot()
  }
}
