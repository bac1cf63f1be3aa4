import System
import Testing

@testable import Compute

@Suite struct `Drawing of tokens` {
  private let logits: [Float] = [-1, 0, 1.0986123, -40, 0]

  @Test(arguments: [(1.0, [0.0684, 0.1863, 0.5591, 0, 0.1863]), (0.5, [0.0122, 0.0899, 0.8080, 0, 0.0899])])
  func `Tokens come as often as the model predicts`(temperature: Double, expected: [Double]) {
    let sampler = TokenSampler(temperature: temperature, seed: 3)
    var counts = [Int](repeating: 0, count: logits.count)
    for index in 0..<4000 { counts[sampler.token(logits[...], index: index)] += 1 }
    for (count, part) in zip(counts, expected) { #expect(abs(Double(count) / 4000 - part) < 0.025) }
    #expect(counts[3] == 0)
  }

  @Test func `At temperature zero the likeliest token is taken, of several the first`() {
    let sampler = TokenSampler(temperature: 0, seed: 3)
    #expect(sampler.token(logits[...], index: 0) == 2)
    #expect(sampler.token(logits[3...], index: 0) == 1)
    #expect(sampler.token([7, 7], index: 5) == 0)
    #expect(TokenSampler(temperature: 1e-300, seed: 3).token(logits[...], index: 0) == 2)
  }

  @Test func `Logits are those of the losses, whatever comes behind`() throws {
    for model in ModelSamples.all {
      let weights = ModelSamples.weights(model)
      let transformer = Transformer(model, threads: ModelSamples.busyThreads(2))
      let batch = ModelSamples.batch(model, sequences: 1, length: 6)
      let losses = try transformer.losses(of: batch, weights: weights)
      for place in 0..<6 {
        let logits = try transformer.logits(after: Array(batch.inputs[...place]), weights: weights)
        let sum = logits.reduce(0) { $0 + Elementary.exp(Double($1)) }
        let loss = Elementary.log(sum) - Double(logits[Int(batch.targets[place])])
        #expect(abs(loss - Double(losses[place])) < 1e-5)
      }
      #expect(throws: Failure.self) { try transformer.logits(after: [], weights: weights) }
      #expect(throws: Failure.self) {
        try transformer.logits(after: [Int32](repeating: 1, count: 9), weights: weights)
      }
    }
  }
}
