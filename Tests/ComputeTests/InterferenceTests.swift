import Testing

@testable import Compute

@Suite struct `Interference of single tokens` {
  private static let cases = ModelSamples.all.flatMap { model in
    TokenGradientAccumulator.Embeddings.allCases.map { (model, $0) }
  }

  /// Changes of a seed.
  private func delta(_ model: ModelConfiguration) -> Parameters {
    let delta = ModelSamples.weights(model, seed: 77)
    for j in delta.values.indices { delta.values[j] *= 0.01 }
    return delta
  }

  private func gradients(
    _ model: ModelConfiguration, _ embeddings: TokenGradientAccumulator.Embeddings, threads: Int = 1
  ) throws -> TokenGradientAccumulator {
    let gradients = TokenGradientAccumulator(
      weights: ModelSamples.weights(model), delta: delta(model), embeddings: embeddings,
      threads: ModelSamples.busyThreads(threads))
    try gradients.add(try ModelSamples.unevenBatch(model))
    return gradients
  }

  @Test(arguments: ModelSamples.all)
  func `The exact method agrees with a backward pass for each token alone`(model: ModelConfiguration) throws {
    let found = try gradients(model, .tied)
    let (batch, delta) = (try ModelSamples.unevenBatch(model), delta(model))
    let (weights, transformer) = (ModelSamples.weights(model), Transformer(model, threads: Threads(1)))
    let (sum, magnitude) = (Parameters(model), Parameters(model))
    let result = try found.result()
    for token in batch.targets.indices where batch.targets[token] >= 0 {
      var targets = [Int32](repeating: -1, count: batch.targets.count)
      targets[token] = batch.targets[token]
      let alone = try TokenBatch(
        sequences: batch.sequences, length: batch.length, inputs: batch.inputs, targets: targets)
      let gradient = Parameters(model)
      _ = try transformer.addGradients(of: alone, weights: weights, to: gradient, scale: 1)
      var (p, absoluteP, l1, squares) = (0.0, 0.0, 0.0, 0.0)
      for j in 0..<gradient.count {
        let (g, d) = (Double(gradient.values[j]), Double(delta.values[j]))
        sum.values[j] += gradient.values[j]
        magnitude.values[j] += abs(gradient.values[j])
        p += g * d
        absoluteP += abs(g * d)
        l1 += abs(g)
        squares += g * g
      }
      let tally = result.model.perToken[token]
      #expect(abs(tally.participation - p) < 1e-5 * absoluteP)
      #expect(abs(tally.absoluteParticipation / absoluteP - 1) < 1e-5)
      #expect(abs(tally.l1Norm / l1 - 1) < 1e-5)
      #expect(abs(tally.squaredNorm / squares - 1) < 1e-5)
    }
    for parameter in sum.layout.parameters {
      let whole = magnitude[parameter].reduce(0) { max($0, abs($1)) }
      for j in 0..<parameter.count {
        #expect(abs(found.sums.gradient[parameter][j] - sum[parameter][j]) <= 1e-5 * whole)
        #expect(
          abs(found.sums.magnitude[parameter][j] - magnitude[parameter][j]) <= 1e-5 * whole,
          "\(parameter.name) \(j)")
      }
    }
    #expect(result.model.interference.tokens == 20)
    #expect(result.model.perToken[10] == TokenSums())
  }

  @Test(arguments: cases)
  func `The number of threads does not change a bit`(
    model: ModelConfiguration, embeddings: TokenGradientAccumulator.Embeddings
  ) throws {
    let (one, three) = (
      try gradients(model, embeddings), try gradients(model, embeddings, threads: 3)
    )
    #expect(try one.result() == three.result())
    #expect(one.sums.magnitude.array == three.sums.magnitude.array)
  }

  private func sampled(
    _ model: ModelConfiguration, _ batches: [TokenBatch],
    embeddings: TokenGradientAccumulator.Embeddings = .split, count: Int, tolerance: Double = 0, seed: UInt64,
    threads: Int = 1
  ) throws -> TokenGradientAccumulator {
    try TokenGradientAccumulator.sampled(
      batches, weights: ModelSamples.weights(model), delta: delta(model), embeddings: embeddings,
      count: count, tolerance: tolerance, seed: seed, threads: ModelSamples.busyThreads(threads))
  }

  @Test func `Sums over tensors of more than one piece do not depend on the number of threads either`() throws
  {
    let batches = (0..<2).map {
      ModelSamples.batch(ModelSamples.thick, sequences: 3, length: 4, seed: 30 + $0)
    }
    let results = try [1, 3].map {
      try sampled(ModelSamples.thick, batches, count: 16, seed: 2, threads: $0).result()
    }
    #expect(results[0].layers[0].perToken.contains { $0.influence > 0 })
    #expect(results[0] == results[1])
  }

  @Test(arguments: cases)
  func `A sample of all tokens is exact`(
    model: ModelConfiguration, embeddings: TokenGradientAccumulator.Embeddings
  ) throws {
    let batch = try ModelSamples.unevenBatch(model)
    let exact = try gradients(model, embeddings).result()
    let found = try sampled(model, [batch], embeddings: embeddings, count: 1000, seed: 1).result()
    #expect(found.sample == batch.targets.indices.filter { batch.targets[$0] >= 0 })
    for (part, expected) in zip(found.tensors + [found.model], exact.tensors + [exact.model]) {
      let (whole, expected) = (part.interference, expected.interference)
      #expect(abs(whole.destructive - expected.destructive) < 1e-6)
      #expect(abs(whole.constructiveOverTokens - expected.constructiveOverTokens) < 1e-6)
      #expect(abs(whole.absoluteLossChange / expected.absoluteLossChange - 1) < 1e-4)
      #expect(whole.errors?.destructive == 0 && whole.noiseBias == 0)
    }
  }

  @Test(arguments: cases)
  func `A sample tells the first-order change of every token's loss, and all of the tokens in it`(
    model: ModelConfiguration, embeddings: TokenGradientAccumulator.Embeddings
  ) throws {
    let batches = [
      try ModelSamples.unevenBatch(model), ModelSamples.batch(model, sequences: 2, length: 7, seed: 4),
    ]
    let exact = TokenGradientAccumulator(
      weights: ModelSamples.weights(model), delta: delta(model), embeddings: embeddings, threads: Threads(1))
    for batch in batches { try exact.add(batch) }
    let expected = try exact.result()
    let found = try sampled(model, batches, embeddings: embeddings, count: 16, seed: 2).result()
    #expect(found.sample.count == 16)
    for (part, expected) in [
      (found.model, expected.model), (found.modelWithoutEmbeddings, expected.modelWithoutEmbeddings),
    ] {
      for (token, sums) in expected.perToken.enumerated() {
        #expect(
          abs(part.perToken[token].participation - sums.participation) <= 1e-5 * sums.absoluteParticipation)
      }
      for token in found.sample {
        let (a, b) = (part.perToken[token], expected.perToken[token])
        #expect(abs(a.absoluteParticipation / b.absoluteParticipation - 1) < 1e-5)
        #expect(abs(a.l1Norm / b.l1Norm - 1) < 1e-5 && abs(a.squaredNorm / b.squaredNorm - 1) < 1e-5)
      }
      #expect(part.interference.errors?.meanAbsoluteLossChange == 0)
      #expect(
        abs(part.interference.constructiveOfLosses / expected.interference.constructiveOfLosses - 1) < 1e-4)
    }
  }

  @Test func `A sample is doubled until the error is below the bound, and is then the larger sample`() throws
  {
    let batches = (0..<4).map { ModelSamples.batch(ModelSamples.olmo, sequences: 2, length: 8, seed: $0) }
    let bound = 0.01
    let found = try sampled(ModelSamples.olmo, batches, count: 16, tolerance: bound, seed: 3)
    let result = try found.result()
    let error = try #require(result.modelWithoutEmbeddings.interference.errors?.destructive)
    #expect(error <= bound && result.sample.count > 16 && result.sample.count % 16 == 0)
    let again = try sampled(ModelSamples.olmo, batches, count: 16, tolerance: bound, seed: 3, threads: 3)
    #expect(try again.result() == result)
    let smaller = try sampled(ModelSamples.olmo, batches, count: result.sample.count / 2, seed: 3).result()
    #expect(try #require(smaller.modelWithoutEmbeddings.interference.errors?.destructive) > bound)
    #expect(Set(smaller.sample).isSubset(of: result.sample))
  }

  @Test(arguments: [16, 32])
  func `Error bars cover the exact value as often as they say, and no more often`(count: Int) throws {
    let model = ModelSamples.wide
    let batches = (0..<2).map { ModelSamples.batch(model, sequences: 4, length: 16, seed: 20 + $0) }
    let weights = ModelSamples.weights(model)
    let exact = TokenGradientAccumulator(weights: weights, delta: delta(model), threads: Threads(1))
    for batch in batches { try exact.add(batch) }
    let truth = try exact.result()
    typealias Quantity = (
      part: KeyPath<ModelInterference, ModelInterference.Part>, value: KeyPath<GradientInterference, Double>,
      error: KeyPath<GradientInterference.Errors, Double>
    )
    let layer = \ModelInterference.layers[0]
    let quantities: [Quantity] = [
      (\.model, \.destructive, \.destructive),
      (\.modelWithoutEmbeddings, \.destructive, \.destructive),
      (\.modelWithoutEmbeddings, \.constructiveOverTokens, \.constructiveOverTokens),
      (\.modelWithoutEmbeddings, \.constructiveOverCoordinates, \.constructiveOverCoordinates),
      (layer, \.constructiveOverCoordinates, \.constructiveOverCoordinates),
      (layer, \.constructiveOfLosses, \.constructiveOfLosses),
      (layer, \.meanAbsoluteLossChange, \.meanAbsoluteLossChange),
    ]
    var (covered, half) = (quantities.map { _ in 0 }, quantities.map { _ in 0 })
    let runs = 60
    for seed in 0..<runs {
      let result = try sampled(model, batches, count: count, seed: UInt64(seed)).result()
      for (place, quantity) in quantities.enumerated() {
        let found = result[keyPath: quantity.part].interference
        let error = try #require(found.errors)[keyPath: quantity.error]
        let expected = truth[keyPath: quantity.part].interference[keyPath: quantity.value]
        let distance = abs(found[keyPath: quantity.value] - expected)
        if distance <= 1.96 * error { covered[place] += 1 }
        if distance <= 0.674 * error { half[place] += 1 }
      }
    }
    // Of 60, 57 are expected, of samples of 16 (Student's t with 15 degrees of freedom) 56; and 30 in the half, with a
    // standard deviation of 4: errors that are too large, or have no end, show there. Those of D are up to twice too large for
    // samples as small as these.
    for count in covered { #expect(count >= 49, "\(covered) of \(runs)") }
    for (place, count) in half.enumerated() {
      #expect((15...(place < 2 ? 50 : 45)).contains(count), "\(half) of \(runs)")
    }
  }
}
