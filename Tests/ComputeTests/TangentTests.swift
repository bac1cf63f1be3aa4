import Artefacts
import Support
import Testing

@testable import Compute

/// First-order changes of each token's loss by forward-mode differentiation.
@Suite struct `Tangents` {
  /// Every sample tied and untied; and what they have not: GPT-NeoX one after the other, other forms of GELU.
  private static let models: [ModelConfiguration] = {
    var others = [ModelSamples.neox, ModelSamples.gpt2]
    others[0].isParallel = false
    (others[0].activation, others[1].activation) = (.geluTanh, .geluErf)
    return (ModelSamples.all + others).flatMap { model in
      [true, false].map { isTied in
        var model = model
        model.isTied = isTied
        return model
      }
    }
  }()

  /// Changes of a seed, all others than zero.
  private func delta(_ model: ModelConfiguration) -> Parameters { ModelSamples.weights(model, seed: 77) }

  /// Of each token, by way of the layers, the embeddings and the output matrix.
  private struct Changes {
    var layers, embeddings, head: [Double]

    var all: [Double] { layers.indices.map { layers[$0] + embeddings[$0] + head[$0] } }
    var digest: Digest {
      Digest(
        of: (layers + embeddings).flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian) { Array($0) } })
    }
  }

  private func changes(_ model: ModelConfiguration, _ threads: Threads = Threads(1)) throws -> Changes {
    let (transformer, delta, batch) = (
      Transformer(model, threads: threads), delta(model), try ModelSamples.unevenBatch(model)
    )
    let (weights, gradients) = (ModelSamples.weights(model), Parameters(model))
    defer { withExtendedLifetime((weights, gradients)) {} }
    let work = try transformer.prepare(batch, keepsActivations: true)
    let pass = transformer.pass(work, weights)
    transformer.forward(batch, work, pass)
    let (head, rows, width) = (transformer.parts.head, pass.rows, model.width)
    func along(_ part: TangentPart, _ hidden: FloatBuffer) -> [Double] {
      let tangent = transformer.tangent(batch, work, pass, along: delta, of: part)
      return threads.rowDots(hidden.start, tangent.start, rows: rows, columns: width)
    }
    // hidden [R, C], and in work.logits [R, V] the gradients of the logits
    let (hidden, logits) = (FloatBuffer(rows * width), FloatBuffer(rows * model.vocabulary))
    head.forwardAndBackward(
      work.losses, hidden.start, work.final, targets: batch.targets, scale: 1, logits: work.logits,
      blockRows: work.logitRows, gradients: gradients.start, pass)
    head.linear.forward(logits.start, work.final, rows: rows, transformer.pass(work, delta))
    return Changes(
      layers: along(.layers, hidden), embeddings: along(.embeddings, hidden),
      head: threads.rowDots(work.logits, logits.start, rows: rows, columns: model.vocabulary))
  }

  @Test(arguments: models)
  func `The changes of losses are the participation of each token's gradient`(model: ModelConfiguration)
    throws
  {
    let gradients = TokenGradientAccumulator(
      weights: ModelSamples.weights(model), delta: delta(model), threads: Threads(1))
    try gradients.add(try ModelSamples.unevenBatch(model))
    let (expected, found) = (try gradients.result(), try changes(model))
    for (part, changes) in [(expected.model, found.all), (expected.modelWithoutEmbeddings, found.layers)] {
      for (token, change) in zip(part.perToken, changes) {
        #expect(abs(change - token.participation) <= 2e-6 * token.absoluteParticipation)
      }
    }
    #expect(found.all[10] == 0 && found.all.filter { $0 == 0 }.count == 1)
  }

  @Test(arguments: models)
  func `The changes of losses agree with differences`(model: ModelConfiguration) throws {
    let (weights, delta, batch) = (
      ModelSamples.weights(model), delta(model), try ModelSamples.unevenBatch(model)
    )
    let transformer = Transformer(model, threads: Threads(1))
    func losses(_ distance: Float) throws -> [Double] {
      let moved = Parameters(copying: weights)
      for j in moved.values.indices { moved.values[j] += distance * delta.values[j] }
      return try transformer.losses(of: batch, weights: moved).map(Double.init)
    }
    // Of fourth order.
    let distance: Float = 2e-3
    let (near, far) = (try losses(distance), try losses(2 * distance))
    let (nearBefore, farBefore) = (try losses(-distance), try losses(-2 * distance))
    for (token, change) in try changes(model).all.enumerated() {
      let difference = 8 * (near[token] - nearBefore[token]) - (far[token] - farBefore[token])
      let slope = difference / Double(12 * distance)
      #expect(abs(change - slope) < 1e-3 + 1e-3 * abs(slope), "\(token): \(change), \(slope)")
    }
  }

  @Test(arguments: zip(ModelSamples.all, digests))
  func `Tangents have the recorded bits with every instruction set and number of threads`(
    model: ModelConfiguration, digest: String
  ) throws {
    try Variants.forEach { variant in
      for count in 1...3 {
        let found = try changes(model, ModelSamples.busyThreads(count))
        #expect(found.digest.description == digest, "variant \(variant), \(count) threads")
      }
    }
  }

  private static let digests = [
    "sha256:4e49a5c13c177e4aa9dc5adda2798fdeff4c4ef966f471d6f22ac9b2ad7f3008",
    "sha256:e7732848851f44d6cb0ac4fc7eb13d00abc32c0099c9764d5f2d905f3c963808",
    "sha256:cd514de03d6bdcd64de83172eea14cf64b01143994132db5177a9e5d7bbde50c",
    "sha256:bd2066c29f391fffd1ba58528f889c7131ed56148f3be2f852c52d6e7db8d584",
    "sha256:0418a5ec455440927f45ae85d5ca8d622743f3a275e894bacfbc4e69cf6dea6e",
    "sha256:a5bd0fed4e6a617a655ed1a0a33ceeee1676d71180c5fc58b85f527d1c1763d0",
    "sha256:9dc826c1364e69f884608b2d3b854a63d3e4e3fe8f5ee16321abb59432e00bd4",
    "sha256:83b756dd3b49be9e5edddd23ea02462b96040cfa4028af09e6d092d07d76c498",
    "sha256:b840a14133b88b9f87ee3e29273e06ba762c04faf3e9c67e5c6b5e00e43b5c21",
    "sha256:3162cbdb9827f1ab44d5538893499810d92aeebd169d50de2b15238c19c99277",
  ]
}
