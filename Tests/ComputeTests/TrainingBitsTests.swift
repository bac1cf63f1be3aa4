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
      digest: "sha256:9fdfe516c5e50f4f592eb2eaf689655371e342c1e9bb76731519cc7d9b4d516e"),
    Case(
      name: "OLMo, AdamW", model: ModelSamples.olmo, rule: .adamW(AdamW()),
      digest: "sha256:19be5cb2e007ac83811152052efeb85faece551dcd61a8169b2f3a22fae471cc"),
    Case(
      name: "GPT-2, AdamW", model: ModelSamples.gpt2, rule: .adamW(AdamW()),
      digest: "sha256:ead91340f6722966e517a7238e53c818db7fbd5625e6d6bcc2d2f6b28d745137"),
    Case(
      name: "GPT-NeoX, AdamW", model: ModelSamples.neox, rule: .adamW(AdamW()),
      digest: "sha256:92d7a76da11a5cbbfaa4b1916249dcdcff9fc8c0c70958c9831c7b90305c9cc4"),
    Case(
      name: "Llama, cautious AdamW", model: ModelSamples.llama, rule: .cautiousAdamW(AdamW()),
      digest: "sha256:6d5445dab33804f8f1990cae5d9d10657de0325ba2641c31223db783d6479d84"),
    Case(
      name: "Llama, AdEMAMix", model: ModelSamples.llama, rule: .adEMAMix(AdEMAMix(warmUp: 10)),
      digest: "sha256:0ba4285793c34efb8233c886cb22e0503d379e24aa094180a07d0771b1e31b30"),
    Case(
      name: "Llama, SGD", model: ModelSamples.llama, rule: .sgd(SGD(isNesterov: true)),
      digest: "sha256:54cb02e076e4dacc5a68ae1e37ae8a5b52450781c730ea2158e0538d70020e3a"),
    Case(
      name: "Llama, Muon", model: ModelSamples.llama, rule: .muon(Muon()),
      digest: "sha256:4c67ae29b0e354537d263d57b44938a0fe14ed78b83f797f9e1a0b67a76f37f5"),
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
