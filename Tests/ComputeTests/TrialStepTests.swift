import JSON
import System
import Testing

@testable import Compute

@Suite struct TrialStepTests {
  private static func step(
    _ model: ModelConfiguration, _ weights: Parameters, clip: Double = 0, rate: Double = 0.01
  ) throws -> TrialStep {
    try TrialStep(
      from: weights, Optimiser(.adamW(AdamW()), model: model, weightDecay: 0.1, threads: Threads(1)),
      batch: ModelSamples.batch(model), learningRate: rate, clip: clip,
      Transformer(model, threads: Threads(1)))
  }

  @Test func `A step leaves the checkpoint as it was and lowers the loss of its batch`() throws {
    let model = ModelSamples.olmo
    let weights = ModelSamples.weights(model)
    let before = weights.array
    let step = try Self.step(model, weights)
    #expect(weights.array == before)
    #expect(LossInterference(zip(step.before, step.after).map { $1 - $0 }).change < 0)
    #expect(zip(step.weights.array, before).map { $0 - $1 } == step.delta.array)
    #expect(step.delta.array.contains { $0 != 0 })
  }

  @Test func `The clip is as trained or, as published, none`() throws {
    let model = ModelSamples.olmo
    let weights = ModelSamples.weights(model)
    let free = try Self.step(model, weights)
    let clipped = try Self.step(model, weights, clip: free.gradientNorm / 4)
    #expect(free.clipFactor == 1 && free.gradientNorm == clipped.gradientNorm)
    #expect(abs(clipped.clipFactor - 0.25) < 1e-4)
  }

  @Test func `Weights that are not finite are refused`() throws {
    let model = ModelSamples.olmo
    let weights = ModelSamples.weights(model)
    weights.values[0] = .nan
    #expect(throws: Failure.self) { try Self.step(model, weights) }
  }

  @Test func `Means and deviations are over batches`() throws {
    let spread = InterferenceSpread([LossInterference([-3, 1]), LossInterference([-4])])
    #expect(spread.destructive?.mean == 0.25 && spread.destructive?.deviation == 0.25)
    #expect(spread.magnitude.mean == 3 && spread.change.mean == 2.5 && spread.change.deviation == 1.5)
    #expect(InterferenceSpread([LossInterference([0])]).destructive == nil)
    #expect(try InterferenceSpread(json: spread.json) == spread)
  }

  @Test(arguments: `Model fixtures`.names)
  func `The first step of a fixture changes losses as expected`(name: String) throws {
    let fixture = try `Model fixtures`.Fixture(name)
    let hyper = try fixture.facts.member("hyper")
    let betas = try hyper.numbers("betas")
    let transformer = Transformer(fixture.model, threads: Threads(1))
    let batch = try fixture.batch("input_ids", "labels")
    let before = try transformer.losses(of: batch, weights: fixture.weights)
    let rule = Optimiser.Rule.adamW(AdamW(beta1: betas[0], beta2: betas[1], epsilon: try hyper.number("eps")))
    let step = try TrialStep(
      from: fixture.weights,
      Optimiser(
        rule, model: fixture.model, weightDecay: try hyper.number("weight_decay"), threads: Threads(1)),
      batch: try fixture.batch("train_input_ids", "train_labels", slice: 0),
      learningRate: try hyper.number("lr"), clip: try hyper.number("clip"), transformer)
    let facts = try fixture.facts.member("step1")
    #expect(abs(step.gradientNorm / (try facts.number("grad_norm_before_clip")) - 1) < 1e-5)
    #expect(abs(step.clipFactor / (try facts.number("clip_coef")) - 1) < 1e-5)
    try fixture.expectLosses(step.after, "step1.train_token_losses_after")
    let after = try transformer.losses(of: batch, weights: step.weights)
    let interference = LossInterference(zip(before, after).map { $1 - $0 })
    let expected = try facts.member("loss_change_vs_initial")
    #expect(abs(try #require(interference.destructive) - (try expected.number("D"))) < 1e-5)
    #expect(abs(interference.magnitude / (try expected.number("M")) - 1) < 2e-5)
    #expect(abs(interference.change - (try expected.number("mean"))) < 2e-5 * interference.magnitude)
  }
}
