import JSON
import System
import Testing

@testable import Compute

@Suite struct `Draws of signs` {
  private static let model = ModelSamples.llama

  private func gradients(_ batches: [TokenBatch]) throws -> TokenGradientAccumulator {
    let gradients = TokenGradientAccumulator(
      weights: ModelSamples.weights(Self.model), delta: ModelSamples.weights(Self.model, seed: 77),
      threads: Threads(1))
    for batch in batches { try gradients.add(batch) }
    return gradients
  }

  @Test func `A draw is D and C_g of the gradients with these signs`() throws {
    let batches = [
      try ModelSamples.unevenBatch(Self.model),
      ModelSamples.batch(Self.model, sequences: 1, length: 7, seed: 3),
    ]
    let all = try gradients(batches)
    let draws = try all.drawSigns(batches, count: 3, seed: 5)
    let (weights, delta) = (ModelSamples.weights(Self.model), ModelSamples.weights(Self.model, seed: 77))
    let transformer = Transformer(Self.model, threads: Threads(1))
    for draw in 0..<3 {
      let (sum, magnitude) = (Parameters(Self.model), Parameters(Self.model))
      var token = 0
      for batch in batches {
        for row in batch.targets.indices {
          var targets = [Int32](repeating: -1, count: batch.targets.count)
          targets[row] = batch.targets[row]
          let sign: Float =
            Philox(seed: 5).bits(stream: Streams.signs(draw), index: UInt64(token)).0 & 1 == 0 ? 1 : -1
          token += 1
          let gradient = Parameters(Self.model)
          _ = try transformer.addGradients(
            of: TokenBatch(
              sequences: batch.sequences, length: batch.length, inputs: batch.inputs, targets: targets),
            weights: weights, to: gradient, scale: 1)
          for j in 0..<gradient.count {
            sum.values[j] += sign * gradient.values[j]
            magnitude.values[j] += abs(gradient.values[j])
          }
        }
      }
      var (constructive, touched, kept, whole) = (0.0, 0.0, 0.0, 0.0)
      for parameter in sum.layout.parameters where !parameter.role.isEmbedding {
        for j in 0..<parameter.count where magnitude[parameter][j] > 0 {
          let (g, a, d) = (sum[parameter][j], magnitude[parameter][j], delta[parameter][j])
          constructive += Double(abs(g) / a)
          touched += 1
          kept += Double(abs(g * d))
          whole += Double(a * abs(d))
        }
      }
      #expect(abs(draws.destructive[draw] - (1 - constructive / touched)) < 1e-5)
      #expect(abs(draws.overTokens[draw] - kept / whole) < 1e-5)
    }
    #expect(try all.drawSigns(batches, count: 3, seed: 5) == draws)
    #expect(try all.drawSigns(batches, count: 3, seed: 6) != draws)
  }

  @Test func `Their mean is what the formula says chance leaves`() throws {
    let batches = [ModelSamples.batch(ModelSamples.wide, sequences: 4, length: 16, seed: 8)]
    let delta = ModelSamples.weights(ModelSamples.wide, seed: 77)
    let exact = TokenGradientAccumulator(
      weights: ModelSamples.weights(ModelSamples.wide), delta: delta, threads: Threads(1))
    try exact.add(batches[0])
    let found = try exact.result().modelWithoutEmbeddings.interference
    let draws = try exact.drawSigns(batches, count: 60, seed: 1)
    for (values, null) in [
      (draws.destructive.map { 1 - $0 }, 1 - found.destructiveNull),
      (draws.overTokens, found.constructiveOverTokensNull),
    ] {
      let (mean, deviation) = SignDraws.spread(values)
      // Four standard errors of the mean, and the 4 % by which the formula may be off.
      #expect(
        abs(mean - null) < 4 * deviation / 60.0.squareRoot() + 0.04 * null, "\(mean) instead of \(null)")
      #expect(deviation > 0 && deviation < mean)
    }
  }

  @Test func `A result of more draws than can be drawn is refused`() throws {
    func json(_ draws: Int64) -> JSON {
      let signs: JSON = ["draws": .integer(draws), "D": 0.2, "D_deviation": 0.1]
      let part: JSON = ["D": 0.3, "D_null": 0.2]
      return [
        "run": "a", "step": 1, "model_without_embeddings": part, "random_signs": signs, "layers": [],
      ]
    }
    #expect(try GradientInterferenceResult(json: json(10)).drawn?.count == 10)
    #expect(throws: Failure.self) { try GradientInterferenceResult(json: json(10_000_000_000_000)) }
  }
}
