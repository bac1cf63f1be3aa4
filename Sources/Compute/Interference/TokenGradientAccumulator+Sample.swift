internal import System

extension TokenGradientAccumulator {
  /// Adds batches of sequences of one length, following a sample of their tokens below the last attention. Where the
  /// standard error of D over the model without embeddings is above the tolerance, the sample is doubled.
  /// - Parameters:
  ///   - count: tokens of the sample, at first.
  ///   - tolerance: 0 if the first sample is to be kept as it is.
  ///   - progress: is told before each batch how many tokens have been followed; what it throws ends the computation.
  /// - Throws: as `add(_:)`; or if the batches' sequences differ in length; or what `progress` throws.
  public static func sampled(
    _ batches: [TokenBatch], weights: Parameters, delta: Parameters? = nil, embeddings: Embeddings = .split,
    count: Int, tolerance: Double = 0, seed: UInt64, threads: Threads,
    progress: (_ followed: Int) throws -> Void = { _ in }
  ) throws -> TokenGradientAccumulator {
    guard let length = batches.first?.length, batches.allSatisfy({ $0.length == length }) else {
      throw Failure(.malformed, "a sample is taken from sequences of one length")
    }
    let starts = batches.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.inputs.count) }
    let targets = batches.flatMap(\.targets)
    let tokens = targets.indices.filter { targets[$0] >= 0 }
    var sample = TokenSample(of: tokens, length: length, count: count, seed: seed)
    let gradients = TokenGradientAccumulator(
      weights: weights, delta: delta, embeddings: embeddings, isSample: true, threads: threads)
    for isNew in sequence(first: true, next: { _ in false }) {
      for (batch, start) in zip(batches, starts) {
        let halves = sample.addedHalves.map { half in
          half.filter { (start..<start + batch.inputs.count).contains($0) }.map { $0 - start }
        }
        if isNew {
          gradients.sums.begin(tokens: batch.inputs.count)
        } else {
          gradients.sums.resume(at: start)
        }
        try progress(gradients.followed)
        if isNew || !halves.joined().isEmpty { try gradients.add(batch, halves: halves, isNew: isNew) }
      }
      gradients.sample = sample
      if tolerance <= 0 || sample.isWhole { break }
      if let error = try gradients.result().modelWithoutEmbeddings.interference.errors?.destructive,
        error <= tolerance
      {
        break
      }
      sample.double()
    }
    return gradients
  }
}
