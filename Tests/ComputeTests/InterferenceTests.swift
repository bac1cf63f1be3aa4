import Testing

@testable import Compute

@Suite struct `Interference of single tokens` {
  private static let cases = ModelSamples.all.flatMap { model in
    TokenGradients.Embeddings.allCases.map { (model, $0) }
  }

  /// Changes of a seed.
  private func delta(_ model: ModelConfiguration) -> Parameters {
    let delta = ModelSamples.weights(model, seed: 77)
    for j in delta.values.indices { delta.values[j] *= 0.01 }
    return delta
  }

  private func batch(_ model: ModelConfiguration) throws -> TokenBatch {
    let batch = ModelSamples.batch(model, sequences: 3, length: 7)
    // Repeated tokens, and one without a loss.
    var (inputs, targets) = (batch.inputs, batch.targets)
    inputs[4] = inputs[1]
    targets[10] = -1
    return try TokenBatch(sequences: 3, length: 7, inputs: inputs, targets: targets)
  }

  private func gradients(
    _ model: ModelConfiguration, _ embeddings: TokenGradients.Embeddings, threads: Int = 1
  ) throws -> TokenGradients {
    let gradients = TokenGradients(
      weights: ModelSamples.weights(model), delta: delta(model), embeddings: embeddings,
      threads: Threads(threads))
    try gradients.add(try batch(model))
    return gradients
  }

  @Test(arguments: ModelSamples.all)
  func `The exact method agrees with a backward pass for each token alone`(model: ModelConfiguration) throws {
    let found = try gradients(model, .tied)
    let (batch, delta) = (try batch(model), delta(model))
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
    model: ModelConfiguration, embeddings: TokenGradients.Embeddings
  ) throws {
    let (one, three) = (
      try gradients(model, embeddings), try gradients(model, embeddings, threads: 3)
    )
    #expect(try one.result() == three.result())
    #expect(one.sums.magnitude.array == three.sums.magnitude.array)
  }
}
