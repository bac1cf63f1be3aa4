import Foundation
import System
import Testing

@testable import Compute

@Suite struct `Schedules and initialisation` {
  @Test func `A warm-up rises linearly from the start factor to the peak`() throws {
    let schedule = try Schedule(peak: 2, warmUp: 4, startFactor: 0.2)
    let rates = (1...6).map(schedule.learningRate(at:))
    for (rate, expected) in zip(rates, [0.4, 0.8, 1.2, 1.6, 2, 2]) { #expect(abs(rate - expected) < 1e-12) }
  }

  @Test func `A cool-down changes no learning rate before it`() throws {
    let constant = try Schedule(peak: 1, warmUp: 3)
    let cooled = try Schedule(peak: 1, warmUp: 3, shape: .trapezoidal(steps: 20, cooldown: 5, floor: 0))
    for step in 1...16 { #expect(cooled.learningRate(at: step) == constant.learningRate(at: step)) }
    for (step, expected) in zip(17...21, [0.8, 0.6, 0.4, 0.2, 0]) {
      #expect(abs(cooled.learningRate(at: step) - expected) < 1e-12)
    }
  }

  @Test func `A cosine falls from the peak to its floor`() throws {
    let schedule = try Schedule(peak: 1, warmUp: 2, shape: .cosine(steps: 102, floor: 0.1))
    #expect(schedule.learningRate(at: 3) == 1)
    #expect(abs(schedule.learningRate(at: 53) - 0.55) < 1e-12)
    #expect(schedule.learningRate(at: 103) == 0.1)
    for i in 0...100 {
      let x = Double(i) / 100
      #expect(abs(Schedule.cosineOfHalfTurns(x) - cos(.pi * x)) < 1e-15)
    }
  }

  @Test func `Schedules that cannot be are refused`() {
    #expect(throws: Failure.self) { try Schedule(peak: .nan) }
    #expect(throws: Failure.self) { try Schedule(peak: -1) }
    #expect(throws: Failure.self) { try Schedule(peak: 1, warmUp: -1) }
    #expect(throws: Failure.self) { try Schedule(peak: 1, startFactor: 2) }
    #expect(throws: Failure.self) {
      try Schedule(peak: 1, warmUp: 9, shape: .trapezoidal(steps: 10, cooldown: 2, floor: 0))
    }
    #expect(throws: Failure.self) {
      try Schedule(peak: 1, warmUp: 9, shape: .cosine(steps: 8, floor: 0))
    }
    #expect(throws: Failure.self) { try Schedule(peak: 1, shape: .cosine(steps: 8, floor: -1)) }
  }

  private func deviation(_ values: some Sequence<Float>) -> Double {
    let values = values.map(Double.init)
    return (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
  }

  @Test func `Mitchell's deviations fall with depth and are cut at three`() throws {
    let model = try ModelConfiguration.standard(
      .llama, vocabulary: 257, width: 64, layers: 2, heads: 2, inner: 48, context: 8, hasNormWeights: true)
    let weights = Initialisation.mitchell.weights(model, seed: 1, threads: Threads(1))
    for (name, expected) in [
      ("model.embed_tokens.weight", 0.125), ("model.layers.1.mlp.up_proj.weight", 0.125),
      ("model.layers.0.self_attn.o_proj.weight", 0.125 / 2.0.squareRoot()),
      ("model.layers.1.mlp.down_proj.weight", 1 / (2 * 48 * 2.0).squareRoot()),
    ] {
      let values = try #require(weights[name])
      #expect(abs(deviation(values) / (0.9866 * expected) - 1) < 0.05, "\(name)")
      #expect(values.allSatisfy { abs($0) <= Float(3 * expected) })
    }
    #expect(weights["model.norm.weight"]!.allSatisfy { $0 == 1 })
  }

  @Test func `GPT-2's outputs start smaller, and biases at zero`() throws {
    let weights = Initialisation.gpt2.weights(ModelSamples.gpt2, seed: 1, threads: Threads(1))
    #expect(abs(deviation(weights["transformer.wte.weight"]!) / 0.02 - 1) < 0.2)
    #expect(abs(deviation(weights["transformer.h.0.mlp.c_proj.weight"]!) / 0.01 - 1) < 0.2)
    #expect(weights["transformer.h.0.mlp.c_proj.bias"]!.allSatisfy { $0 == 0 })
  }

  @Test func `Another seed gives other weights, the same seed the same`() {
    let weights = [1, 1, 2].map { seed in
      Initialisation.normal(deviation: 0.1).weights(ModelSamples.olmo, seed: seed, threads: Threads(1)).array
    }
    #expect(weights[0] == weights[1] && weights[0] != weights[2])
  }
}
