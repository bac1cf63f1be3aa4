import JSON
import System
import Testing

@testable import Compute

@Suite struct `Models` {
  /// Along each parameter's gradient, the loss rises by the gradient's norm.
  @Test(arguments: ModelSamples.all)
  func `Gradients agree with differences of losses`(model: ModelConfiguration) throws {
    let weights = ModelSamples.weights(model)
    let batch = ModelSamples.batch(model)
    let transformer = Transformer(model, threads: Threads(1))
    let gradients = Parameters(model)
    _ = try transformer.addGradients(of: batch, weights: weights, to: gradients)
    func loss() throws -> Double {
      try transformer.losses(of: batch, weights: weights).reduce(0) { $0 + Double($1) }
        / Double(batch.counted)
    }
    for parameter in weights.layout.parameters {
      let (w, g) = (weights[parameter], gradients[parameter])
      let norm = g.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let (start, distance) = (Array(w), 4e-3)
      func move(_ factor: Double) throws -> Double {
        for i in w.indices { w[i] = Float(Double(start[i]) + factor * Double(g[i]) / max(norm, 1e-12)) }
        return try loss()
      }
      let slope = (try move(distance) - move(-distance)) / (2 * distance)
      for i in w.indices { w[i] = start[i] }
      #expect(norm > 0 && abs(slope - norm) < 3e-4 + 5e-3 * norm, "\(parameter.name): \(slope), \(norm)")
    }
  }

  @Test(arguments: ModelSamples.all)
  func `A later token changes no earlier loss`(model: ModelConfiguration) throws {
    let weights = ModelSamples.weights(model)
    let batch = ModelSamples.batch(model, sequences: 1)
    var inputs = batch.inputs
    inputs[4] = (inputs[4] + 1) % Int32(model.vocabulary)
    let changed = try TokenBatch(sequences: 1, length: 6, inputs: inputs, targets: batch.targets)
    let transformer = Transformer(model, threads: Threads(1))
    let before = try transformer.losses(of: batch, weights: weights)
    let after = try transformer.losses(of: changed, weights: weights)
    #expect(before[..<4] == after[..<4])
    #expect(before[4] != after[4] && before[5] != after[5])
  }

  @Test func `The gradient of a tied matrix is the sum of those of both uses`() throws {
    var untied = ModelSamples.olmo
    untied.isTied = false
    let weights = ModelSamples.weights(ModelSamples.olmo)
    let copy = Parameters(untied)
    for parameter in weights.layout.parameters {
      for i in 0..<parameter.count { copy[parameter.name]![i] = weights[parameter][i] }
    }
    for (i, value) in weights["model.embed_tokens.weight"]!.enumerated() {
      copy["lm_head.weight"]![i] = value
    }
    let batch = ModelSamples.batch(untied)
    let (tied, split) = (Parameters(ModelSamples.olmo), Parameters(untied))
    let losses = try Transformer(ModelSamples.olmo, threads: Threads(1)).addGradients(
      of: batch, weights: weights, to: tied)
    let same = try Transformer(untied, threads: Threads(1)).addGradients(of: batch, weights: copy, to: split)
    #expect(losses == same)
    let name = "model.embed_tokens.weight"
    for (i, value) in tied[name]!.enumerated() {
      #expect(abs(value - (split[name]![i] + split["lm_head.weight"]![i])) < 1e-6)
    }
  }

  @Test(arguments: ModelSamples.all)
  func `Gradients of parts of a batch add up to those of the batch`(model: ModelConfiguration) throws {
    let weights = ModelSamples.weights(model)
    let batch = ModelSamples.batch(model)
    let (whole, parts) = (Parameters(model), Parameters(model))
    let transformer = Transformer(model, threads: Threads(1))
    let losses = try transformer.addGradients(of: batch, weights: weights, to: whole)
    var partLosses: [Float] = []
    for part in [0..<6, 6..<12] {
      let half = try TokenBatch(
        sequences: 1, length: 6, inputs: Array(batch.inputs[part]), targets: Array(batch.targets[part]))
      partLosses += try transformer.addGradients(of: half, weights: weights, to: parts, scale: 1 / 12)
    }
    #expect(losses == partLosses)
    for (a, b) in zip(whole.values, parts.values) { #expect(abs(a - b) < 1e-6) }
  }

  @Test func `A negative target counts neither in losses nor in gradients`() throws {
    let model = ModelSamples.olmo
    let weights = ModelSamples.weights(model)
    let batch = ModelSamples.batch(model)
    let transformer = Transformer(model, threads: Threads(1))
    let masked = try TokenBatch(
      sequences: 2, length: 6, inputs: batch.inputs,
      targets: batch.targets[..<6] + Array(repeating: -1, count: 6))
    let first = try TokenBatch(
      sequences: 1, length: 6, inputs: Array(batch.inputs[..<6]), targets: Array(batch.targets[..<6]))
    let (a, b) = (Parameters(model), Parameters(model))
    let losses = try transformer.addGradients(of: masked, weights: weights, to: a)
    let expected = try transformer.addGradients(of: first, weights: weights, to: b)
    #expect(losses == expected + Array(repeating: 0, count: 6))
    for (a, b) in zip(a.values, b.values) { #expect(abs(a - b) < 1e-6) }
  }

  @Test func `Losses over several blocks of logits are those of each sequence alone`() throws {
    let model = try ModelConfiguration.standard(
      .llama, vocabulary: 40_000, width: 4, layers: 1, heads: 1, inner: 4, context: 8)
    let batch = ModelSamples.batch(model, sequences: 33, length: 8)
    #expect(LossHead.blockRows(rows: 264, vocabulary: 40_000) < 264)
    let weights = Initialisation.gpt2.weights(model, seed: 1, threads: ModelSamples.busyThreads(2))
    let transformer = Transformer(model, threads: ModelSamples.busyThreads(2))
    let losses = try transformer.losses(of: batch, weights: weights)
    let last = try TokenBatch(
      sequences: 1, length: 8, inputs: Array(batch.inputs.suffix(8)), targets: Array(batch.targets.suffix(8)))
    #expect(Array(losses.suffix(8)) == (try transformer.losses(of: last, weights: weights)))
  }

  @Test func `A batch that keeps several threads busy has the losses of its sequences`() throws {
    let model = ModelSamples.llama
    let weights = ModelSamples.weights(model)
    let (length, sequences) = (8, 16)
    let batch = ModelSamples.batch(model, sequences: sequences, length: length)
    let losses = try Transformer(model, threads: ModelSamples.busyThreads(2)).losses(
      of: batch, weights: weights)
    for sequence in [0, sequences / 2, sequences - 1] {
      let range = sequence * length..<(sequence + 1) * length
      let alone = try TokenBatch(
        sequences: 1, length: length, inputs: Array(batch.inputs[range]), targets: Array(batch.targets[range])
      )
      #expect(
        try Transformer(model, threads: Threads(1)).losses(of: alone, weights: weights)
          == Array(losses[range]))
    }
  }

  @Test func `Batches that do not fit the model are refused`() throws {
    let model = ModelSamples.olmo
    let weights = Parameters(model)
    let transformer = Transformer(model, threads: Threads(1))
    for (input, target, length) in [(19, 0, 1), (-1, 0, 1), (0, 19, 1), (0, 0, 9)] as [(Int32, Int32, Int)] {
      let batch = try TokenBatch(
        sequences: 1, length: length, inputs: Array(repeating: input, count: length),
        targets: Array(repeating: target, count: length))
      #expect(throws: Failure.self) { try transformer.losses(of: batch, weights: weights) }
      #expect(throws: Failure.self) {
        try transformer.addGradients(of: batch, weights: weights, to: weights)
      }
    }
    #expect(throws: Failure.self) { try TokenBatch(sequences: 1, length: 2, inputs: [0], targets: [0]) }
    #expect(throws: Failure.self) {
      try TokenBatch(sequences: .max, length: .max, inputs: [], targets: [])
    }
    #expect(throws: Failure.self) { try TokenBatch(sequences: 0, length: 1, inputs: [], targets: []) }
  }
}
