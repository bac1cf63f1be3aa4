import Foundation
import JSON
import Safetensors
import Testing

@testable import Compute

/// Models whose losses, gradients and two AdamW steps an independent implementation computed in float64: that of
/// Tests/Reference, whose results stand in Tests/Fixtures, and another one whose larger models may lie beside the project.
@Suite struct `Model fixtures` {
  private static let tests = URL(fileURLWithPath: #filePath).appending(path: "../..").standardized
  private static let folder = tests.appending(path: "Fixtures/models")
  private static let further = tests.appending(path: "../../shared/fixtures/models").standardized
  static let furtherAreThere = FileManager.default.fileExists(atPath: further.path)
  private static let furtherNames = ["further/olmo_tied", "further/olmo_untied_affine", "further/gpt2_tied"]
  static let names =
    [
      "llama_grouped", "llama3_scaled", "olmo_tied", "olmo_grouped", "gpt2_tied", "neox_parallel", "qwen2",
      "qwen3", "olmo2", "gemma", "mistral_window",
    ]
    + (furtherAreThere ? furtherNames : [])

  @Test(
    .enabled(if: furtherAreThere, "There are no further fixtures beside the project."),
    arguments: furtherNames)
  func `Further fixtures are compared too`(name: String) throws {
    #expect(try Fixture(name).weights.count > 1000)
  }

  struct Fixture {
    let model: ModelConfiguration
    let weights: Parameters
    let tokens, expected: SafetensorsFile
    let facts: JSON

    init(_ name: String) throws {
      let parts = name.split(separator: "/").map(String.init)
      let folder = (parts.count > 1 ? further : folder).appending(path: parts[parts.count - 1])
      func bytes(_ file: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: file)))
      }
      model = try ModelConfiguration(parsing: try bytes("config.json"))
      weights = try Parameters(model, from: SafetensorsFile(try bytes("model.safetensors")))
      tokens = try SafetensorsFile(try bytes("tokens.safetensors"))
      expected = try SafetensorsFile(try bytes("expected.safetensors"))
      facts = try JSON(parsing: try bytes("expected.json"))
    }

    func batch(_ inputs: String, _ targets: String, slice: Int? = nil) throws -> TokenBatch {
      let shape = try #require(tokens.descriptor(inputs)).shape.suffix(2)
      let (b, t) = (shape.first!, shape.last!)
      let range = (slice ?? 0) * b * t..<((slice ?? 0) + 1) * b * t
      let x: [Int32] = try tokens.elements(inputs, .int32)
      let y: [Int32] = try tokens.elements(targets, .int32)
      return try TokenBatch(sequences: b, length: t, inputs: Array(x[range]), targets: Array(y[range]))
    }

    func values(_ name: String) throws -> [Double] {
      if expected.descriptor(name)?.dtype == .float32 {
        let values: [Float] = try expected.elements(name, .float32)
        return values.map(Double.init)
      }
      return try expected.elements(name, .float64)
    }

    /// Coordinates of a parameter without a gradient: a bias of keys raises all scores of a query alike. What stands in
    /// its place, there and here, are rounding errors.
    func noise(_ name: String) throws -> [Bool] {
      let magnitudes = try values("split.sum_abs_g." + name)
      let most = magnitudes.max() ?? 0
      return magnitudes.map { $0 > 0 && $0 < 1e-9 * most }
    }

    func expectLosses(_ losses: [Float], _ name: String) throws {
      let expected = try values(name)
      let worst = zip(losses, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
      #expect(losses.count == expected.count && worst <= 1e-5, "\(name) is off by \(worst)")
    }
  }

  static func distance(_ a: [Double], _ b: [Double]) -> Double {
    let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / b.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }

  @Test(arguments: names)
  func `Losses, gradients and two steps of AdamW are the expected ones`(name: String) throws {
    let fixture = try Fixture(name)
    let (model, weights) = (fixture.model, fixture.weights)
    let threads = ModelSamples.busyThreads(2)
    let transformer = Transformer(model, threads: threads)
    let batch = try fixture.batch("input_ids", "labels")
    try fixture.expectLosses(try transformer.losses(of: batch, weights: weights), "token_losses")

    let gradients = Parameters(model)
    let losses = try transformer.addGradients(of: batch, weights: weights, to: gradients)
    try fixture.expectLosses(losses, "token_losses")
    for parameter in weights.layout.parameters {
      let distance = Self.distance(
        gradients[parameter].map(Double.init), try fixture.values("grad." + parameter.name))
      #expect(distance <= 1e-5, "the gradient of \(parameter.name) is off by \(distance)")
    }

    let facts = fixture.facts
    let decayed = Set(try facts.texts("decayed_parameters"))
    #expect(decayed == Set(weights.layout.parameters.filter(\.role.isDecayed).map(\.name)))
    let hyper = try facts.member("hyper")
    let betas = try hyper.numbers("betas")
    let rule = Optimiser.Rule.adamW(AdamW(beta1: betas[0], beta2: betas[1], epsilon: try hyper.number("eps")))
    let optimiser = Optimiser(
      rule, model: model, weightDecay: try hyper.number("weight_decay"), threads: threads)
    let initial = Parameters(copying: weights)
    for step in 1...2 {
      let train = try fixture.batch("train_input_ids", "train_labels", slice: step - 1)
      gradients.setToZero()
      _ = try transformer.addGradients(of: train, weights: weights, to: gradients)
      let norm = GradientClip.norm(gradients, threads: threads)
      let expected = try facts.member("step\(step)").number("grad_norm_before_clip")
      #expect(abs(norm / expected - 1) < 1e-5)
      let clip = GradientClip.factor(norm: norm, limit: try hyper.number("clip"))
      optimiser.update(
        weights, gradients: gradients, learningRate: try hyper.number("lr"), gradientScale: clip)
      try fixture.expectLosses(
        try transformer.losses(of: batch, weights: weights), "step\(step).token_losses")
      if step == 1 {
        try fixture.expectLosses(
          try transformer.losses(of: train, weights: weights), "step1.train_token_losses_after")
      }
    }
    for parameter in weights.layout.parameters {
      let delta = zip(weights[parameter], initial[parameter]).map { Double($0) - Double($1) }
      var expected = try fixture.values("step2.delta." + parameter.name)
      // Adam divides rounding errors by their own size.
      for (i, isNoise) in try fixture.noise(parameter.name).enumerated() where isNoise {
        expected[i] = delta[i]
      }
      let distance = Self.distance(delta, expected)
      #expect(distance <= 1e-4, "the change of \(parameter.name) is off by \(distance)")
    }
  }
}
