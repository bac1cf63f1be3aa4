import Foundation
import JSON
import Testing

@testable import Compute

@Suite struct RopeScalingTests {
  @Test func `Llama 3 slows down long waves, leaves short ones, and goes over between them`() {
    let scaling = RopeScaling.llama3(factor: 8, low: 1, high: 4, context: 8192)
    let factors = scaling.factors(rotary: 128, theta: 500_000)
    #expect(factors.count == 64 && factors[0] == 1 && factors[63] == 0.125)
    #expect(zip(factors, factors.dropFirst()).allSatisfy { $0 >= $1 })
    // Between, by where the turns within the context before lie between 1 and 4: at theta^(-2 i / 128).
    let between = factors.indices.filter { factors[$0] < 1 && factors[$0] > 0.125 }
    #expect(!between.isEmpty)
    for index in between {
      let turns = 8192 * pow(500_000, -Double(2 * index) / 128) / (2 * Double.pi)
      let part = (turns - 1) / 3
      #expect(part > 0 && part < 1 && abs(factors[index] - (part + (1 - part) / 8)) < 1e-12)
    }
  }

  @Test func `A scaled model differs, and is written and read back`() throws {
    var json = try #require(ModelFixture.plain.object)
    let plain = try ModelConfiguration(json: .object(json))
    json["rope_scaling"] = ["rope_type": "linear", "factor": 4.0]
    let scaled = try ModelConfiguration(json: .object(json))
    #expect(scaled.ropeScaling == .linear(factor: 4))
    #expect(try ModelConfiguration(json: scaled.json) == scaled)
    let weights = Initialisation.normal(deviation: 0.3).weights(plain, seed: 1, threads: Threads(1))
    let again = Initialisation.normal(deviation: 0.3).weights(scaled, seed: 1, threads: Threads(1))
    let batch = try TokenBatch(
      sequences: 1, length: 7, inputs: [1, 2, 3, 4, 5, 6, 7], targets: [2, 3, 4, 5, 6, 7, 8])
    #expect(
      try Transformer(plain, threads: Threads(1)).losses(of: batch, weights: weights)
        != Transformer(scaled, threads: Threads(1)).losses(of: batch, weights: again))
  }

  private enum ModelFixture {
    static let plain: JSON = [
      "model_type": "llama", "vocab_size": 17, "hidden_size": 8, "num_hidden_layers": 2,
      "num_attention_heads": 2, "intermediate_size": 12, "max_position_embeddings": 8,
      "tie_word_embeddings": true,
    ]
  }
}
