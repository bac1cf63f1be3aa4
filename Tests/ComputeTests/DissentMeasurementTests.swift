import JSON
import Safetensors
import System
import Testing

@testable import Compute

@Suite struct DissentMeasurementTests {
  private func tokens(
    _ model: ModelConfiguration, _ weights: Parameters, _ batch: TokenBatch, threads: Int = 1
  )
    throws -> [DissentMeasurement.Token]
  {
    let states = try Transformer(model, threads: ModelSamples.busyThreads(threads)).finalStates(
      of: batch, weights: weights)
    return DissentMeasurement(model, threads: ModelSamples.busyThreads(threads)).tokens(
      states: states, targets: batch.targets, weights: weights)
  }

  @Test(arguments: ModelSamples.all)
  func `Attraction and repulsion add up to minus the gradient at the final state`(model: ModelConfiguration)
    throws
  {
    let (weights, batch) = (ModelSamples.weights(model), ModelSamples.batch(model))
    let states = try Transformer(model, threads: Threads(1)).finalStates(of: batch, weights: weights)
    let rows = batch.inputs.count
    let pass = Pass(
      weights: weights.start, batch: rows, length: 1, threads: Threads(1), cosine: nil, sine: nil)
    let (losses, gradient) = (FloatBuffer(rows), FloatBuffer(rows * model.width))
    let block = LossHead.blockRows(rows: rows, vocabulary: model.vocabulary)
    let (logits, gradients) = (FloatBuffer(block * model.vocabulary), Parameters(model))
    DecoderParts(model).head.forwardAndBackward(
      losses.start, gradient.start, states, targets: batch.targets, scale: 1,
      logits: logits.start, blockRows: block,
      gradients: gradients.start, pass)
    for (row, token) in try tokens(model, weights, batch).enumerated() {
      let norm = (0..<model.width).reduce(0.0) { sum, column in
        let value = Double(gradient.start[row * model.width + column])
        return sum + value * value
      }.squareRoot()
      #expect(abs(Double(token.gradient) / norm - 1) < 1e-4)
      #expect(abs(Double(token.probability) - Elementary.exp(-Double(losses.start[row]))) < 1e-5)
      // |a + r|^2 = |a|^2 + |r|^2 - 2 dissent |a| |r|
      let (a, r) = (Double(token.attraction), Double(token.repulsion))
      #expect(abs(a * a + r * r - 2 * Double(token.dissent) * a * r - norm * norm) < 1e-4 * (a * a + r * r))
      #expect((-1...1).contains(token.dissent))
    }
  }

  @Test func `A sure prediction has neither attraction nor repulsion`() throws {
    let model = ModelSamples.olmo
    let weights = ModelSamples.weights(model)
    let batch = ModelSamples.batch(model)
    // The state lies along the target's vector, so far out that the softmax leaves nothing to the others.
    let target = Int(batch.targets[0])
    let embedding = Array(weights["model.embed_tokens.weight"]!)
    let direction = Array(embedding[target * model.width..<(target + 1) * model.width])
    let measure = DissentMeasurement(model, threads: Threads(1))
    for (scale, limit) in [(10 as Float, 1 as Float), (2000, 1e-6)] {
      let states = direction.map { $0 * scale }
      let token = measure.tokens(states: states, targets: [Int32(target)], weights: weights)[0]
      #expect(token.attraction < limit && token.repulsion < limit && token.gradient < limit)
      #expect(token.dissent.isFinite)
    }
  }

  @Test func `Threads and blocks do not change a bit`() throws {
    let model = ModelSamples.llama
    let (weights, batch) = (ModelSamples.weights(model), ModelSamples.batch(model, sequences: 9))
    let one = try tokens(model, weights, batch)
    #expect(try tokens(model, weights, batch, threads: 3) == one)
    let single = try TokenBatch(
      sequences: 1, length: batch.length, inputs: Array(batch.inputs.prefix(batch.length)),
      targets: Array(batch.targets.prefix(batch.length)))
    #expect(try tokens(model, weights, single) == Array(one.prefix(batch.length)))
  }

  @Test func `A summary tells means by position, and the share of total dissent`() throws {
    func token(_ dissent: Float) -> DissentMeasurement.Token {
      DissentMeasurement.Token(attraction: 2, repulsion: 1, gradient: 1, dissent: dissent, probability: 0.5)
    }
    let dissent = try TokenDissent(
      run: "r", step: 4, context: 2, stream: "s", tokens: [1, 0.5, 1, 0, 1, 0.5, 1, 0].map { token($0) })
    let summary = try dissent.summary(
      stream: [0, 0, 1, 0, 1, 0, 1, 0, 1], vocabulary: 2, total: 0.99,
      bootstrap: SequenceBootstrap(resamples: 50, seed: 1))
    #expect(try summary.number("dissent") == 0.625 && summary.number("total") == 0.5)
    let positions = try summary.list("by_position")
    #expect(positions.compactMap { $0["dissent"]?.double } == [1, 0.25])
    #expect(positions.compactMap { $0["share"]?.double } == [0.8, 0.2])
    #expect(summary["dissent_interval"]?.array?.count == 2 && summary["sequences"] == 4)
    var bytes: [UInt8] = []
    try dissent.write { bytes += $0 }
    let values: [Float] = try SafetensorsFile(bytes).elements("dissent", .float32)
    #expect(values == [1, 0.5, 1, 0, 1, 0.5, 1, 0])
    #expect(throws: Failure.self) {
      try TokenDissent(run: "r", step: 4, context: 2, stream: "s", tokens: [token(.nan)])
    }
  }

  @Test(arguments: `Model fixtures`.names)
  func `Norms and dissent are the expected ones`(name: String) throws {
    let fixture = try `Model fixtures`.Fixture(name)
    let tokens = try tokens(fixture.model, fixture.weights, fixture.batch("input_ids", "labels"))
    let quantities: [(String, (DissentMeasurement.Token) -> Float)] = [
      ("attractive_norm", \.attraction), ("repulsive_norm", \.repulsion), ("total_norm", \.gradient),
      ("p_target", \.probability), ("cosine", { -$0.dissent }),
    ]
    for (quantity, value) in quantities {
      let expected = try fixture.values("hidden_grad." + quantity)
      #expect(expected.count == tokens.count)
      let worst = zip(tokens, expected).map { abs(Double(value($0)) - $1) / max(1, abs($1)) }.max() ?? 1
      #expect(worst < 1e-5, "\(quantity) is off by \(worst)")
    }
  }
}
