internal import CKernels
public import JSON
public import System

/// How the gradients g_b of the mean losses of whole sequences b agree. All of them are in memory at the same time.
public struct SequenceGradientAgreement: Sendable, Hashable {
  /// |g_b|.
  public let norms: [Double]
  /// g_a . g_b / (|g_a| |g_b|), [B, B].
  public let cosines: [[Double]]
  /// sum_b |g_b|^2 / |sum_b g_b|^2 (Yin et al. 2018, "Gradient diversity", arXiv 1706.05699).
  public let diversity: Double
  /// tr(Sigma) / |G|^2 in sequences, both free of bias (McCandlish et al. 2018, arXiv 1812.06162, appendix A): the batch
  /// from which on larger ones gain little. Nil where noise leaves nothing of |G|^2.
  public let noiseScale: Double?
  /// D over sequences, with and without embeddings, positions and output matrix.
  public let destructive, destructiveWithoutEmbeddings: Double
  /// And where the signs are left to chance (`Chance`).
  public let destructiveNull, destructiveNullWithoutEmbeddings: Double

  /// Floats that the gradients of all sequences may take.
  private static let limit = 1 << 31

  /// - Throws: if there are fewer than two sequences or too many for the memory, one has no loss, or the batch does not fit
  ///   the model.
  public init(of batch: TokenBatch, weights: Parameters, threads: Threads) throws(Failure) {
    let (model, b, length) = (weights.model, batch.sequences, batch.length)
    guard b > 1 else {
      throw Failure(.unusable, "the gradient of one sequence has nothing to agree with")
    }
    guard b <= Self.limit / weights.count else {
      throw Failure(
        .unusable, "the gradients of \(b) sequences would take \(b * weights.count >> 28) GiB",
        hint: "take fewer sequences")
    }
    let transformer = Transformer(model, threads: threads)
    let (sum, magnitude, squareSum) = (Parameters(model), Parameters(model), Parameters(model))
    var gradients: [Parameters] = []
    for sequence in 0..<b {
      let range = sequence * length..<(sequence + 1) * length
      let one = try TokenBatch(
        sequences: 1, length: length, inputs: Array(batch.inputs[range]), targets: Array(batch.targets[range])
      )
      guard one.counted > 0 else { throw Failure(.unusable, "sequence \(sequence) has no loss") }
      let gradient = Parameters(model)
      _ = try transformer.addGradients(of: one, weights: weights, to: gradient)
      gradients.append(gradient)
    }
    let all = gradients
    threads.ranges(sum.count, grain: 1 << 16, work: 2 * b * sum.count) { range in
      let spare = FloatBuffer(range.count)
      for gradient in all {
        let (source, at) = (gradient.start + range.lowerBound, range.lowerBound)
        brake_add(sum.start + at, sum.start + at, source, range.count)
        brake_magnitude(spare.start, source, range.count)
        brake_add(magnitude.start + at, magnitude.start + at, spare.start, range.count)
        brake_multiply(spare.start, spare.start, spare.start, range.count)
        brake_add(squareSum.start + at, squareSum.start + at, spare.start, range.count)
      }
    }
    func dot(_ a: Parameters, _ b: Parameters) -> Double {
      let grain = Int(BRAKE_REDUCTION_CHUNK)
      return stride(from: 0, to: a.count, by: grain).reduce(0.0) {
        $0 + brake_dot(a.start + $1, b.start + $1, min(grain, a.count - $1))
      }
    }
    var products = Array(repeating: Array(repeating: 0.0, count: b), count: b)
    let pairs = (0..<b).flatMap { row in (0...row).map { (row, $0) } }
    let found = UnsafeMutablePointer<Double>.allocate(capacity: pairs.count)
    defer { found.deallocate() }
    threads.run(pairs.count, work: 2 * pairs.count * sum.count) { first, last in
      for pair in first..<last { (found + pair).initialize(to: dot(all[pairs[pair].0], all[pairs[pair].1])) }
    }
    for (pair, (row, column)) in pairs.enumerated() {
      products[row][column] = found[pair]
      products[column][row] = found[pair]
    }
    let norms = (0..<b).map { products[$0][$0].squareRoot() }
    guard norms.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      throw Failure(.unusable, "the gradient of a sequence is zero or not finite")
    }
    self.norms = norms
    cosines = products.indices.map { row in
      products.indices.map { row == $0 ? 1 : products[row][$0] / (norms[row] * norms[$0]) }
    }
    let (squares, count) = (norms.reduce(0.0) { $0 + $1 * $1 }, Double(b))
    let square = dot(sum, sum)
    diversity = squares / square
    // Of batches of 1 and of B sequences: |G|^2 = (B |G_B|^2 - |G_1|^2) / (B - 1), tr(Sigma) = (|G_1|^2 - |G_B|^2) / (1 - 1/B).
    let (small, large) = (squares / count, square / count / count)
    let signal = (count * large - small) / (count - 1)
    noiseScale = signal > 0 ? (small - large) / (1 - 1 / count) / signal : nil
    func destructive(_ isIncluded: (ParameterLayout.Parameter) -> Bool) -> (found: Double, null: Double) {
      var sums = CoordinateSums()
      for parameter in sum.layout.parameters where isIncluded(parameter) {
        sums += CoordinateSums(
          gradient: sum.start + parameter.offset,
          exact: ConstantFloats(magnitude.start) + parameter.offset,
          squares: ConstantFloats(squareSum.start) + parameter.offset, delta: nil, count: parameter.count,
          terms: b,
          threads: threads)
      }
      return (1 - sums.constructive / Double(sums.touched), 1 - sums.chance / Double(sums.touched))
    }
    (self.destructive, destructiveNull) = destructive { _ in true }
    (destructiveWithoutEmbeddings, destructiveNullWithoutEmbeddings) = destructive { !$0.role.isEmbedding }
  }

  public var json: JSON {
    return [
      "sequences": .integer(Int64(norms.count)), "norms": .array(norms.map { .number($0) }),
      "cosines": .array(cosines.map { .array($0.map { .number($0) }) }), "diversity": .number(diversity),
      "noise_scale": noiseScale.map { .number($0) } ?? .null, "D": .number(destructive),
      "D_without_embeddings": .number(destructiveWithoutEmbeddings), "D_null": .number(destructiveNull),
      "D_without_embeddings_null": .number(destructiveNullWithoutEmbeddings),
      "diversity_null": 1,
    ]
  }
}
