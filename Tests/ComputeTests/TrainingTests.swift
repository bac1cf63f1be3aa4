import Foundation
import Safetensors
import System
import Testing

@testable import Compute

@Suite struct `Training` {
  static let rules: [Optimiser.Rule] = [
    .adamW(AdamW()), .cautiousAdamW(AdamW()), .adEMAMix(AdEMAMix(warmUp: 10)), .sgd(SGD(isNesterov: true)),
    .muon(Muon()),
  ]
  /// Large enough that its work is cut for several threads.
  static let model = try! ModelConfiguration.standard(
    .llama, vocabulary: 257, width: 32, layers: 1, heads: 2, inner: 48, context: 32)

  private func train(
    _ optimiser: Optimiser, _ weights: Parameters, steps: Int, threads: Int = 1, rate: Double = 1e-2
  ) throws -> [Float] {
    let model = weights.model
    let transformer = Transformer(model, threads: ModelSamples.busyThreads(threads))
    let batch = ModelSamples.batch(model, sequences: 4, length: min(32, model.context))
    var means: [Float] = []
    for _ in 0..<steps {
      let gradients = Parameters(model)
      let losses = try transformer.addGradients(of: batch, weights: weights, to: gradients)
      means.append(losses.reduce(0, +) / Float(losses.count))
      let norm = GradientClip.norm(gradients, threads: ModelSamples.busyThreads(threads))
      optimiser.update(
        weights, gradients: gradients, learningRate: rate,
        gradientScale: GradientClip.factor(norm: norm, limit: 1))
    }
    return means
  }

  @Test(arguments: rules)
  func `A short training gives the same bits with any number of threads`(rule: Optimiser.Rule) throws {
    let results = try [1, 2, 3].map { count in
      let weights = Initialisation.mitchell.weights(
        Self.model, seed: 3, threads: ModelSamples.busyThreads(count))
      let optimiser = Optimiser(
        rule, model: Self.model, weightDecay: 0.1, threads: ModelSamples.busyThreads(count))
      let losses = try train(optimiser, weights, steps: 2, threads: count)
      return (losses + weights.array).map(\.bitPattern)
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test(arguments: rules)
  func `Every optimiser lowers the loss of a batch that it sees again`(rule: Optimiser.Rule) throws {
    let model = ModelSamples.olmo
    let weights = Initialisation.mitchell.weights(model, seed: 3, threads: Threads(1))
    let optimiser = Optimiser(rule, model: model, weightDecay: 0.1, threads: Threads(1))
    let losses = try train(optimiser, weights, steps: 20)
    #expect(losses.last! < losses.first! - 0.1)
  }

  @Test(arguments: rules)
  func `Training goes on from a kept state as if it had not stopped`(rule: Optimiser.Rule) throws {
    let model = ModelSamples.gpt2
    let weights = ModelSamples.weights(model)
    let optimiser = Optimiser(rule, model: model, weightDecay: 0.1, threads: Threads(1))
    _ = try train(optimiser, weights, steps: 2)
    let copy = Parameters(copying: weights)
    var bytes: [UInt8] = []
    try optimiser.write { bytes += $0 }
    let file = try SafetensorsFile(bytes)
    let other = try Optimiser(rule, model: model, weightDecay: 0.1, threads: Threads(1), from: file)
    #expect(other.step == 2)
    #expect(try train(optimiser, weights, steps: 2) == train(other, copy, steps: 2))
    #expect(weights.array == copy.array)
    #expect(throws: Failure.self) {
      try Optimiser(rule, model: ModelSamples.neox, weightDecay: 0, threads: Threads(1), from: file)
    }
    #expect(throws: Failure.self) {
      try Optimiser(
        rule, model: model, weightDecay: 0, threads: Threads(1), from: SafetensorsFile(weights.bytes()))
    }
  }

  @Test func `A state after more updates than a training makes is refused`() throws {
    let model = ModelSamples.gpt2
    func step(_ text: String) throws -> Int {
      var bytes: [UInt8] = []
      try Parameters.write([("momentum_buffer.", Parameters(model))], metadata: ["step": text]) {
        bytes += $0
      }
      return try Optimiser(
        .sgd(SGD()), model: model, weightDecay: 0, threads: Threads(1), from: SafetensorsFile(bytes)
      ).step
    }
    #expect(try step("2147483648") == 1 << 31)
    for text in ["-1", "2147483649", "9223372036854775807", "9223372036854775808", "x"] {
      #expect(throws: Failure.self) { try step(text) }
    }
  }

  @Test func `A model that does not fit into memory is refused before any is taken`() throws {
    let count = ParameterLayout(Self.model).count
    let needed = 4 * 4 * count
    try ModelMemory.checkTraining(of: Self.model, with: .adamW(AdamW()), available: needed)
    let error = #expect(throws: Failure.self) {
      try ModelMemory.checkTraining(of: Self.model, with: .adamW(AdamW()), available: needed - 1)
    }
    #expect(
      error?.code == .unusable && error?.facts.map(\.value) == ["\(needed) bytes", "\(needed - 1) bytes"])
    try ModelMemory.checkArray(of: Self.model, available: 4 * count)
    #expect(throws: Failure.self) { try ModelMemory.checkArray(of: Self.model, available: 4 * count - 1) }
    #expect(throws: Failure.self) { try ModelMemory.checkPass(tokens: 8, floats: 100, available: 399) }
  }

  @Test func `Weight decay touches the matrices of the layers only`() {
    for model in ModelSamples.all {
      let weights = ModelSamples.weights(model)
      let before = Parameters(copying: weights)
      let optimiser = Optimiser(.adamW(AdamW()), model: model, weightDecay: 0.5, threads: Threads(1))
      optimiser.update(weights, gradients: Parameters(model), learningRate: 0.5)
      for parameter in weights.layout.parameters {
        let isMatrix =
          parameter.shape.count == 2 && (parameter.name.contains("layers.") || parameter.name.contains(".h."))
        for (after, before) in zip(weights[parameter], before[parameter]) {
          #expect(after == (isMatrix ? 0.75 * before : before))
        }
      }
    }
  }

  @Test(arguments: [(6, 4), (4, 6), (5, 5)])
  func `Orthogonalisation brings every singular value near 1`(rows: Int, columns: Int) {
    let random = Philox(seed: 4)
    let matrix = FloatBuffer(rows * columns)
    for i in 0..<matrix.count { matrix.start[i] = Float(random.normals(stream: 0, index: UInt64(i)).0) }
    Orthogonalisation(rows: rows, columns: columns, threads: Threads(1)).apply(matrix, iterations: 5)
    // Traces of A and A A, A = X^T X: sums of the second and fourth powers of the singular values.
    var (trace, square) = (0.0, 0.0)
    for i in 0..<columns {
      for j in 0..<columns {
        let a = (0..<rows).reduce(0.0) {
          $0 + Double(matrix.start[$1 * columns + i]) * Double(matrix.start[$1 * columns + j])
        }
        if i == j { trace += a }
        square += a * a
      }
    }
    let rank = Double(min(rows, columns))
    #expect(abs(trace / rank - 1) < 0.35)
    #expect(abs(square / rank - 1) < 0.6)
  }

  @Test func `Gradients are clipped by their norm over all parameters`() {
    let gradients = Parameters(ModelSamples.olmo)
    gradients.values[3] = 3
    gradients.values[gradients.count - 1] = -4
    #expect(GradientClip.norm(gradients, threads: Threads(1)) == 5)
    #expect(GradientClip.factor(norm: 5, limit: 0) == 1)
    #expect(GradientClip.factor(norm: 5, limit: 10) == 1)
    #expect(abs(GradientClip.factor(norm: 5, limit: 1) - 0.2) < 1e-7)
  }

  @Test func `AdEMAMix warms up alpha and beta3 to their values`() {
    let settings = AdEMAMix(warmUp: 100)
    #expect(settings.alpha(at: 50) == 4 && settings.alpha(at: 100) == 8)
    #expect(settings.beta3(at: 100) == 0.9999 && settings.beta3(at: 1_000) == 0.9999)
    let halfLives = [0.9, settings.beta3(at: 25), 0.9999].map { -1 / log($0) }
    #expect(abs(halfLives[1] - (0.75 * halfLives[0] + 0.25 * halfLives[2])) < 1e-6)
  }

  @Test func `The half-life of AdEMAMix grows from none, and falls to none`() {
    let growing = AdEMAMix(beta1: 0, beta3: 0.99, warmUp: 100)
    #expect(abs(log(0.99) / log(growing.beta3(at: 25)) - 0.25) < 1e-9)
    let falling = AdEMAMix(beta1: 0.9, beta3: 0, warmUp: 100)
    #expect(abs(log(0.9) / log(falling.beta3(at: 25)) - 0.75) < 1e-9)
    #expect(AdEMAMix(beta1: 0, beta3: 0, warmUp: 100).beta3(at: 25) == 0)
  }
}
