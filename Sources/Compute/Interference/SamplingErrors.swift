/// What a sample of tokens leaves unknown about the interference of their gradients.
struct SamplingErrors {
  let estimate: RatioEstimate
  /// [tensors][tokens].
  let sums: [[TokenSums]]
  /// [tensors].
  let coordinates: [CoordinateSums]
  /// Tensors of which the sample estimates everything.
  let estimated: Set<Int>
  /// Embeddings below: of each the coordinates that no token of the sample met, which count as if they cancelled nothing. A
  /// row meets few tokens of the sample, so that what noise adds to |G_j| / A_j is no small correction there, but an error.
  let tables: [Int: Int]

  private var share: Double { estimate.sample.share }

  private func touched(_ tensors: [Int]) -> Double {
    Double(tensors.reduce(0) { $0 + coordinates[$1].touched })
  }

  /// What the noise of A_j in |G_j| / A_j takes away from D on average: about b (1/n - 1/N), where half of the sample takes
  /// away b (2/n - 1/N).
  func noiseBias(_ tensors: [Int]) -> Double { noiseBias(tensors, over: touched(tensors)) }

  private func noiseBias(_ tensors: some Sequence<Int>, over touched: Double) -> Double {
    tensors.reduce(0.0) { sum, tensor in
      guard estimated.contains(tensor) || tables[tensor] != nil else { return sum }
      return sum + coordinates[tensor].halfConstructive - coordinates[tensor].constructive
    } * (1 - share) / touched
  }

  /// - Parameter knowsChanges: whether sum_j p_ij is known of every token.
  func errors(
    _ tensors: [Int], of found: GradientInterference, knowsChanges: Bool
  ) -> GradientInterference.Errors {
    let sampled = tensors.filter(estimated.contains)
    let followed = estimate.sample.sampled
    // sum_j sum_i |p_ij| and sum_i |sum_j p_ij|, relative to them, and their quotient.
    let magnitude = found.coordinates.participationMagnitude
    func participation(_ token: Int) -> Double {
      sampled.reduce(0.0) { $0 + sums[$1][token].absoluteParticipation } / magnitude
    }
    func change(_ token: Int) -> Double {
      abs(tensors.reduce(0.0) { $0 + sums[$1][token].participation }) / found.absoluteLossChange
    }
    let magnitudes = estimate.standardError(of: followed, participation)
    let changes = knowsChanges ? 0 : estimate.standardError(of: followed, change)
    let quotient =
      knowsChanges ? magnitudes : estimate.standardError(of: followed) { change($0) - participation($0) }
    return GradientInterference.Errors(
      destructive: destructive(tensors, sampled, tokens: found.tokens),
      constructiveOverTokens: magnitudes * found.constructiveOverTokens,
      constructiveOverCoordinates: quotient * found.constructiveOverCoordinates,
      constructiveOfLosses: changes * found.constructiveOfLosses,
      meanAbsoluteLossChange: changes * found.meanAbsoluteLossChange)
  }

  private func destructive(_ tensors: [Int], _ sampled: [Int], tokens: Int) -> Double {
    let touched = touched(tensors)
    // By how much a token of the sample changes the mean of |G_j| / A_j. Of a row of an embedding, in proportion to |g_i|.
    let shares = sampled.map { tensor in
      coordinates[tensor].constructive / touched
        / (tables[tensor] == nil ? Double(tokens) : estimate.sum { sums[tensor][$0].l1Norm })
    }
    let weighed = sampled.filter { tables[$0] == nil }
    let known = estimate.sample.sampled.filter { token in
      weighed.isEmpty || weighed.contains { sums[$0][token].influence > 0 }
    }
    let statistical = estimate.standardError(of: known) { token in
      zip(sampled, shares).reduce(0.0) { sum, part in
        let own = sums[part.0][token]
        return sum + part.1 * (tables[part.0] == nil ? own.influence : own.l1Norm)
      }
    }
    let rows = tensors.filter { tables[$0] != nil }
    guard !rows.isEmpty, share < 1 else { return statistical }
    let noise = noiseBias(rows, over: touched)
    let unmet = rows.reduce(0.0) { $0 + Double(tables[$1] ?? 0) } / touched
    return (statistical * statistical + noise * noise + unmet * unmet).squareRoot()
  }
}
