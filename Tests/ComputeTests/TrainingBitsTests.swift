import Artefacts
import Support
import Testing

@testable import Compute

/// What a few updates of tiny models come to, to the bit: in debug and release builds, on every processor.
@Suite struct `Bits of training` {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let model: ModelConfiguration
    let rule: Optimiser.Rule
    /// Of the losses of all updates, then the weights after the last.
    let digest: String

    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "Llama, AdamW", model: ModelSamples.llama, rule: .adamW(AdamW()),
      digest: "sha256:46ed3c47477758b3ec8df6db9ed1e7e41f07c4ec66f2d8b330793bdd3e824c1a"),
    Case(
      name: "OLMo, AdamW", model: ModelSamples.olmo, rule: .adamW(AdamW()),
      digest: "sha256:1ccd1b2b1fc8c5441dc45b3443bff000bb4cb377840edb1943c4e6cff3cec4cd"),
    Case(
      name: "GPT-2, AdamW", model: ModelSamples.gpt2, rule: .adamW(AdamW()),
      digest: "sha256:a218b0e7a312215ca12dfa0eaf3165c518c43ce4ebd85e6bb6b87762228a45eb"),
    Case(
      name: "GPT-NeoX, AdamW", model: ModelSamples.neox, rule: .adamW(AdamW()),
      digest: "sha256:5080795fffaa6dcc4808021203641814f083b6122cf682fcd0d535d045bff213"),
    Case(
      name: "Llama, cautious AdamW", model: ModelSamples.llama, rule: .cautiousAdamW(AdamW()),
      digest: "sha256:e742956ae174dc7be393a9b5cb14093d14a3c277937847c39ae3ee7598c37be2"),
    Case(
      name: "Llama, AdEMAMix", model: ModelSamples.llama, rule: .adEMAMix(AdEMAMix(warmUp: 10)),
      digest: "sha256:69ed602e1db208c0d5c33d60970698be8561eba026b7ba4f86b260c12f694efc"),
    Case(
      name: "Llama, SGD", model: ModelSamples.llama, rule: .sgd(SGD(isNesterov: true)),
      digest: "sha256:734700ed3b93523061d1578e78090f6e05698099da6c0171a53dff3a9781e51d"),
    Case(
      name: "Llama, Muon", model: ModelSamples.llama, rule: .muon(Muon()),
      digest: "sha256:4d6792d9f60e1cf7e3d6557c5e9cfa26a8a23d126c1355688374af3754ab694c"),
  ]

  @Test(arguments: cases)
  func `A short training gives the recorded bits with every instruction set and number of threads`(
    _ expected: Case
  ) throws {
    try Variants.forEach { variant in
      for count in 1...3 {
        let digest = try train(expected, ModelSamples.busyThreads(count))
        #expect(digest.description == expected.digest, "variant \(variant), \(count) threads")
      }
    }
  }

  private func train(_ expected: Case, _ threads: Threads) throws -> Digest {
    let model = expected.model
    let batch = ModelSamples.batch(model, sequences: 4, length: 8)
    let weights = ModelSamples.weights(model)
    let gradients = Parameters(model)
    let transformer = Transformer(model, threads: threads)
    let optimiser = Optimiser(expected.rule, model: model, weightDecay: 0.1, threads: threads)
    var values: [Float] = []
    for _ in 0..<3 {
      gradients.setToZero()
      values += try transformer.addGradients(of: batch, weights: weights, to: gradients)
      let norm = GradientClip.norm(gradients, threads: threads)
      optimiser.update(
        weights, gradients: gradients, learningRate: 1e-2,
        gradientScale: GradientClip.factor(norm: norm, limit: 1))
    }
    values += weights.values
    return Digest(of: values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian) { Array($0) } })
  }
}
