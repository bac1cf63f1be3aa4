import JSON
import System
import Testing

@testable import Compute

@Suite struct `Alignment of gradients` {
  private static func measured(
    _ fixture: `Model fixtures`.Fixture, samples: Int = 0, threads: Threads = ModelSamples.busyThreads(2)
  ) throws -> GradientAlignment {
    try GradientAlignment(
      of: try fixture.batch("aligned_input_ids", "aligned_labels"), weights: fixture.weights, run: "a",
      step: 3, samples: samples, threads: threads)
  }

  /// Of every pair of tokens, by itself, and with sequences left out one at a time.
  @Test(arguments: `Model fixtures`.names)
  func `Cosines and their intervals are those of an independent implementation`(name: String) throws {
    let fixture = try `Model fixtures`.Fixture(name)
    guard let expected = fixture.facts["alignment"] else { return }
    let found = try Self.measured(fixture)
    #expect(found.blocks.count == expected.object?.count && found.sequences == 4 && found.tokens == 25)
    for block in found.blocks {
      let expected = try expected.member(block.name)
      func expect(_ cosine: GradientAlignment.Cosine?, _ name: String) throws {
        let cosine = try #require(cosine)
        let values =
          [try expected.member(name).number("mean")] + (try expected.member(name).numbers("interval"))
        let interval = try #require(cosine.interval)
        let found = [cosine.mean, interval.lower, interval.upper]
        for (value, expected) in zip(found, values) {
          #expect(abs(value - expected) < 1e-5, "\(name) of \(block.name) is \(found), not \(values)")
        }
      }
      try expect(block.sequencePairs, "sequence_pairs")
      try expect(block.sequenceMean, "sequence_mean")
      try expect(block.tokenPairs, "token_pairs")
      try expect(block.tokenPairsWithin, "token_pairs_within")
      try expect(block.tokenMean, "token_mean")
      #expect(block.tokens == 25)
      #expect(abs((block.diversity ?? 0) / (try expected.number("diversity")) - 1) < 1e-5)
      // What is left of |G|^2 may be next to nothing.
      let inverse = try [block.noiseScale, expected.optionalNumber("noise_scale")].map {
        1 / ($0 ?? .infinity)
      }
      #expect(abs(inverse[0] - inverse[1]) < 1e-6)
    }
    #expect(try GradientAlignment(json: found.json) == found)
  }

  @Test func `The bits do not depend on the number of threads`() throws {
    let fixture = try `Model fixtures`.Fixture("olmo_tied")
    #expect(try Self.measured(fixture, threads: Threads(1)) == Self.measured(fixture))
  }

  @Test func `A sample follows some tokens and compares them with the mean of all`() throws {
    let fixture = try `Model fixtures`.Fixture("llama_grouped")
    let (all, some) = (try Self.measured(fixture), try Self.measured(fixture, samples: 20))
    #expect(some.followed == 20 && all.followed == 25 && some.tokens == 25)
    #expect(try Self.measured(fixture, samples: 1).followed == 16)
    #expect(try Self.measured(fixture, samples: 100) == all)
    let (found, whole) = (try #require(some["model"]), try #require(all["model"]))
    #expect(found.tokens == 20 && found.sequencePairs == whole.sequencePairs)
    let (mean, pairs) = (try #require(found.tokenMean).mean, try #require(found.tokenPairs).mean)
    #expect(abs(mean - (try #require(whole.tokenMean).mean)) < 0.02)
    #expect(abs(pairs - (try #require(whole.tokenPairs).mean)) < 0.02)
  }

  @Test func `What has no gradient has no direction`() throws {
    let fixture = try `Model fixtures`.Fixture("llama_grouped")
    // Without an output of the first layer's attention, what goes into it has no gradient.
    let weights = Parameters(copying: fixture.weights)
    for part in ["o", "v"] {
      weights["model.layers.0.self_attn.\(part)_proj.weight"]?.update(repeating: 0)
    }
    weights["model.layers.0.input_layernorm.weight"]?.update(repeating: 0)
    let batch = try fixture.batch("aligned_input_ids", "aligned_labels")
    let found = try GradientAlignment(of: batch, weights: weights, run: "a", step: 0, threads: Threads(1))
    let attention = try #require(found["layer.0.attention"])
    #expect(attention.tokens == 0 && attention.sequencePairs == nil && attention.sequenceMean == nil)
    #expect(attention.tokenPairs == nil && attention.tokenMean == nil && attention.diversity == nil)
    #expect(found["layer.0.feed_forward"]?.tokenMean != nil)
    #expect(try GradientAlignment(json: found.json) == found)
  }

  @Test func `Sequences that are one another's copies point the same way`() throws {
    let model = ModelSamples.olmo
    let weights = Initialisation.mitchell.weights(model, seed: 1, threads: Threads(1))
    let one = ModelSamples.batch(model, sequences: 1, length: model.context)
    let batch = try TokenBatch(
      sequences: 2, length: one.length, inputs: one.inputs + one.inputs, targets: one.targets + one.targets)
    let found = try GradientAlignment(of: batch, weights: weights, run: "a", step: 0, threads: Threads(1))
    for block in found.blocks {
      let pairs = try #require(block.sequencePairs)
      #expect(abs(pairs.mean - 1) < 1e-6 && pairs.interval == nil)
      #expect(abs(try #require(block.diversity) - 0.5) < 1e-6)
    }
    let far = try TokenBatch(
      sequences: 2, length: one.length, inputs: one.inputs + one.inputs,
      targets: one.targets + one.targets.map { _ in -1 })
    #expect(throws: Failure.self) {
      try GradientAlignment(of: one, weights: weights, run: "a", step: 0, threads: Threads(1))
    }
    #expect(throws: Failure.self) {
      try GradientAlignment(of: far, weights: weights, run: "a", step: 0, threads: Threads(1))
    }
    weights.values[3] = Float.nan
    #expect(throws: Failure.self) {
      try GradientAlignment(of: batch, weights: weights, run: "a", step: 0, threads: Threads(1))
    }
  }
}
