internal import CKernels
internal import System

extension GradientAlignment {
  /// Floats that the gradients of all sequences may take.
  private static let limit = 1 << 31

  /// Measures a batch. The gradients of all sequences are in memory at the same time; those of single tokens never are: their
  /// norms and their products with a mean are those that `TokenGradientAccumulator` adds up, and the sum of their cosines
  /// with each other is the square of the sum of g_i / |g_i|, a gradient of the losses times 1 / |g_i|.
  /// - Parameters:
  ///   - samples: tokens whose own gradients are followed, a backward pass each; 0 for all, at least 16. The mean gradient is always that of all.
  ///   - seed: of the sample.
  ///   - progress: is told what has been done, in parts of 1; what it throws ends the computation.
  /// - Throws: if there are fewer than two sequences or too many for the memory, one has no loss, the batch does not fit the
  ///   model, or a gradient is not finite.
  public init(
    of batch: TokenBatch, weights: Parameters, run: String, step: Int, samples: Int = 0, seed: UInt64 = 1,
    threads: Threads, progress: (Double) throws -> Void = { _ in }
  ) throws {
    let weights = weights.untied()
    guard batch.sequences > 1 else {
      throw Failure(.unusable, "the gradient of one sequence has nothing to be aligned with")
    }
    guard batch.sequences <= Self.limit / weights.count else {
      throw Failure(
        .unusable,
        "the gradients of \(batch.sequences) sequences would take \(batch.sequences * weights.count >> 28) GiB",
        hint: "take fewer sequences")
    }
    let candidates = batch.targets.indices.filter { batch.targets[$0] >= 0 }
    var chosen = Set(candidates)
    if samples > 0, !candidates.isEmpty {
      let sample = TokenSample(of: candidates, length: batch.length, count: samples, seed: seed)
      chosen = Set(sample.sampled)
    }
    let gradients = try SequenceGradients(of: batch, followed: chosen, weights: weights, threads: threads)
    let blocks = gradients.layout.blocks
    let squares = gradients.products(blocks)
    guard squares.allSatisfy({ $0.isFinite }) else { throw Self.notFinite }
    var tokens: [[TokenDirections]] = []
    for sequence in 0..<batch.sequences {
      try progress(Double(sequence) / Double(2 * batch.sequences))
      tokens.append(try gradients.directions(of: sequence, blocks))
    }
    var found: [Block] = []
    for (place, block) in blocks.enumerated() {
      try progress(0.5 + Double(place) / Double(2 * blocks.count))
      let directions = tokens.map { $0[place] }
      guard directions.allSatisfy(\.isFinite) else { throw Self.notFinite }
      let norm = directions.compactMap { $0.norms.max() }.max() ?? 0
      if norm > 0 { try gradients.normalise(directions, to: norm) }
      let products = norm > 0 ? gradients.products([block])[0].scaled(by: 1 / norm / norm) : nil
      guard products?.isFinite ?? true else { throw Self.notFinite }
      found.append(Block(block.name, sequences: squares[place], tokens: products, directions))
    }
    self.init(
      run: run, step: step, sequences: batch.sequences, followed: chosen.count, tokens: candidates.count,
      blocks: found)
  }

  private static var notFinite: Failure {
    Failure(
      .unusable, "the gradients of these tokens are not finite", hint: "look at the losses of the checkpoint")
  }
}

/// Of the tokens of a sequence that are followed, in a part of a model.
struct TokenDirections {
  /// Of all tokens of the sequence; 0 where a token is not followed, or has no gradient here.
  let norms: [Double]
  /// The cosines of those that are not 0 with the mean of the other sequences, added up; nil where that has no direction.
  let cosines: Double?

  var count: Int { norms.count { $0 > 0 } }
  var isFinite: Bool { norms.allSatisfy(\.isFinite) && cosines?.isFinite ?? true }
}

/// A vector for each sequence, of the size of the parameters, and the passes that make them.
private struct SequenceGradients {
  let layout: ParameterLayout
  private let weights: Parameters
  private let batches: [TokenBatch]
  /// The same with losses of the tokens that are followed alone.
  private let followed: [TokenBatch]
  private let transformer: Transformer
  private let vectors: [Parameters]
  private let threads: Threads

  /// Of the gradients of the sequences' mean losses.
  init(
    of batch: TokenBatch, followed chosen: Set<Int>, weights: Parameters, threads: Threads
  ) throws(Failure) {
    (self.weights, self.threads, layout) = (weights, threads, weights.layout)
    transformer = Transformer(weights.model, threads: threads)
    var (batches, followed, vectors) = ([TokenBatch](), [TokenBatch](), [Parameters]())
    for sequence in 0..<batch.sequences {
      let range = sequence * batch.length..<(sequence + 1) * batch.length
      func one(_ isCounted: (Int) -> Bool) throws(Failure) -> TokenBatch {
        try TokenBatch(
          sequences: 1, length: batch.length, inputs: Array(batch.inputs[range]),
          targets: range.map { isCounted($0) ? batch.targets[$0] : -1 })
      }
      let whole = try one { _ in true }
      guard whole.counted > 0 else { throw Failure(.unusable, "sequence \(sequence) has no loss") }
      let gradient = Parameters(weights.model)
      _ = try transformer.addGradients(of: whole, weights: weights, to: gradient)
      batches.append(whole)
      followed.append(try one { chosen.contains($0) })
      vectors.append(gradient)
    }
    (self.batches, self.followed, self.vectors) = (batches, followed, vectors)
  }

  /// The products of all pairs of vectors, over each block.
  func products(_ blocks: [ParameterLayout.Block]) -> [Products] {
    let (n, tensors) = (vectors.count, layout.parameters)
    let needed = Set(blocks.flatMap(\.tensors)).sorted()
    let pairs = (0..<n).flatMap { row in (0...row).map { (row, $0) } }
    var found = [Double](repeating: 0, count: pairs.count * tensors.count)
    let size = needed.reduce(0) { $0 + tensors[$1].count }
    found.withUnsafeMutableBufferPointer { found in
      nonisolated(unsafe) let found = found
      threads.run(pairs.count, work: 2 * pairs.count * size) { first, last in
        for pair in first..<last {
          let (a, b) = (vectors[pairs[pair].0], vectors[pairs[pair].1])
          for tensor in needed {
            found[pair * tensors.count + tensor] = dot(a, b, tensors[tensor])
          }
        }
      }
    }
    return blocks.map { block in
      var products = Products(values: Array(repeating: Array(repeating: 0, count: n), count: n))
      for (pair, (row, column)) in pairs.enumerated() {
        let sum = block.tensors.reduce(0.0) { $0 + found[pair * tensors.count + $1] }
        products.values[row][column] = sum
        products.values[column][row] = sum
      }
      return products
    }
  }

  private func dot(_ a: Parameters, _ b: Parameters, _ tensor: ParameterLayout.Parameter) -> Double {
    let grain = Int(BRAKE_REDUCTION_CHUNK)
    return stride(from: tensor.offset, to: tensor.range.upperBound, by: grain).reduce(0.0) {
      $0 + brake_dot(a.start + $1, b.start + $1, min(grain, tensor.range.upperBound - $1))
    }
  }

  /// Of each block, where the vectors are gradients.
  func directions(
    of sequence: Int, _ blocks: [ParameterLayout.Block]
  ) throws(Failure) -> [TokenDirections] {
    let mean = Parameters(weights.model)
    for (place, vector) in vectors.enumerated() where place != sequence {
      threads.ranges(mean.count, grain: 1 << 16, work: mean.count) { range in
        let at = mean.start + range.lowerBound
        brake_combine(at, 1, at, 1 / Float(vectors.count - 1), vector.start + range.lowerBound, range.count)
      }
    }
    let accumulator = TokenGradientAccumulator(weights: weights, delta: mean, threads: threads)
    try accumulator.add(followed[sequence])
    let sums = accumulator.sums.tokens
    return blocks.map { block in
      let square = block.tensors.reduce(0.0) { $0 + dot(mean, mean, layout.parameters[$1]) }
      func sum(_ token: Int, _ value: (TokenSums) -> Double) -> Double {
        block.tensors.reduce(0.0) { $0 + value(sums[$1][token]) }
      }
      let norms = followed[sequence].targets.indices.map { token in
        followed[sequence].targets[token] < 0 ? 0 : sum(token, \.squaredNorm).squareRoot()
      }
      let places = norms.indices.filter { norms[$0] > 0 }
      let cosines = places.map { sum($0, \.participation) / norms[$0] / square.squareRoot() }
      return TokenDirections(norms: norms, cosines: square > 0 ? Sums.sum(cosines) : nil)
    }
  }

  /// Makes each vector the sum over its sequence's tokens of g_i / |g_i| times `norm`, where norms are those of a block: there
  /// that is what it says, and elsewhere nothing.
  func normalise(_ directions: [TokenDirections], to norm: Double) throws(Failure) {
    for (sequence, direction) in directions.enumerated() {
      vectors[sequence].setToZero()
      _ = try transformer.addGradients(
        of: followed[sequence], weights: weights, to: vectors[sequence], scale: 1,
        factors: direction.norms.map { $0 > 0 ? Float(norm / $0) : 0 })
    }
  }
}

/// v_a . v_b of a vector for each sequence [B, B].
struct Products {
  var values: [[Double]]

  var isFinite: Bool { values.allSatisfy { $0.allSatisfy(\.isFinite) } }

  func scaled(by factor: Double) -> Products { Products(values: values.map { $0.map { $0 * factor } }) }
}

extension GradientAlignment.Block {
  /// - Parameters:
  ///   - sequences: of the gradients of the sequences' mean losses.
  ///   - tokens: of the sums over each sequence's tokens of g_i / |g_i|; nil where no token has a direction.
  fileprivate init(
    _ name: String, sequences: Products, tokens: Products?, _ directions: [TokenDirections]
  ) {
    let (n, g) = (directions.count, sequences.values)
    let (all, counts) = (Array(0..<n), directions.map(\.count))
    let norms = all.map { g[$0][$0].squareRoot() }
    self.name = name
    self.tokens = counts.reduce(0, +)
    if norms.allSatisfy({ $0 > 0 }) {
      sequencePairs = .init(over: n) {
        g[$0][$1] / norms[$0] / norms[$1]
      } weight: { _, _ in
        1
      }
      // |sum_(b != a) g_b|^2 as a sum over b of what each has to do with the others.
      let rows = g.map { Sums.sum($0) }
      let cosines = all.compactMap { own -> Double? in
        let others = all.filter { $0 != own }
        let square = Sums.sum(others.map { rows[$0] - g[$0][own] })
        return square > 0 ? Sums.sum(others.map { g[own][$0] }) / norms[own] / square.squareRoot() : nil
      }
      sequenceMean =
        cosines.count == n ? .init(sums: cosines, counts: all.map { _ in 1 }) : nil
    } else {
      (sequencePairs, sequenceMean) = (nil, nil)
    }
    if let u = tokens?.values {
      tokenPairs = .init(over: n) {
        u[$0][$1]
      } weight: {
        Double(counts[$0] * counts[$1])
      }
      tokenPairsWithin = .init(
        sums: all.map { counts[$0] > 1 ? (u[$0][$0] - Double(counts[$0])) / 2 : 0 },
        counts: counts.map { $0 * ($0 - 1) / 2 })
    } else {
      (tokenPairs, tokenPairsWithin) = (nil, nil)
    }
    let cosines = directions.compactMap(\.cosines)
    tokenMean = cosines.count == n ? .init(sums: cosines, counts: counts) : nil

    let (squares, square) = (Sums.sum(all.map { g[$0][$0] }), Sums.sum(g.flatMap(\.self)))
    diversity = square > 0 ? squares / square : nil
    // Of batches of 1 and of B sequences: |G|^2 = (B |G_B|^2 - |G_1|^2) / (B - 1), tr(Sigma) = (|G_1|^2 - |G_B|^2) / (1 - 1/B).
    let count = Double(n)
    let (small, large) = (squares / count, square / count / count)
    let signal = (count * large - small) / (count - 1)
    noiseScale = signal > 0 ? (small - large) / (1 - 1 / count) / signal : nil
  }
}
