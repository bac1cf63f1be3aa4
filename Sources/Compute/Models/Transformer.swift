internal import CKernels
public import System

/// A decoder-only language model: per-token losses, and the gradient of their mean. It holds the memory of a pass, which
/// is used again for the next batch of the same shape; it belongs to one task at a time.
///
/// R = B T rows, one for each token; C = width; every matrix is row-major.
public final class Transformer {
  public let model: ModelConfiguration
  public let threads: Threads
  let parts: DecoderParts
  private var activations: PassActivations?

  public init(_ model: ModelConfiguration, threads: Threads) {
    self.model = model
    self.threads = threads
    parts = DecoderParts(model)
  }

  /// The loss of each token of a batch in nats [B, T]; 0 where the target is negative.
  /// - Throws: if a token is not in the vocabulary, or the sequences are longer than the context.
  public func losses(of batch: TokenBatch, weights: Parameters) throws(Failure) -> [Float] {
    let work = try prepare(batch, keepsActivations: false)
    let pass = pass(work, weights)
    forward(batch, work, pass)
    batch.targets.withUnsafeBufferPointer { targets in
      parts.head.forward(
        work.losses, work.final, targets: targets.baseAddress!, logits: work.logits,
        blockRows: work.logitRows, pass)
    }
    return Array(UnsafeBufferPointer(start: work.losses, count: pass.rows))
  }

  /// What the output matrix multiplies: the residual stream behind the final norm [B, T, C].
  /// - Throws: as `losses(of:weights:)`.
  public func finalStates(of batch: TokenBatch, weights: Parameters) throws(Failure) -> [Float] {
    let work = try prepare(batch, keepsActivations: false)
    let pass = pass(work, weights)
    forward(batch, work, pass)
    return Array(UnsafeBufferPointer(start: work.final, count: pass.rows * model.width))
  }

  /// The logits of the token that follows others [V].
  /// - Parameter tokens: at least one, and no more than the model's context.
  /// - Throws: if a token is not in the vocabulary, or there are none or too many.
  public func logits(after tokens: [Int32], weights: Parameters) throws(Failure) -> [Float] {
    // Tokens behind them, which they do not see, so that sequences of almost the same length take the same memory.
    let length = max(tokens.count, min((tokens.count + 63) / 64 * 64, model.context))
    let batch = try TokenBatch(
      sequences: 1, length: length,
      inputs: tokens + [Int32](repeating: 0, count: length - tokens.count),
      targets: [Int32](repeating: -1, count: length))
    let work = try prepare(batch, keepsActivations: false)
    let pass = pass(work, weights)
    forward(batch, work, pass)
    // logits [1, V] = final [1, C] W^T
    parts.head.linear.forward(work.logits, work.final + (tokens.count - 1) * model.width, rows: 1, pass)
    return Array(UnsafeBufferPointer(start: work.logits, count: model.vocabulary))
  }

  /// The losses [B, T], and their gradient.
  /// - Parameters:
  ///   - gradients: to each parameter's, that of scale * the sum of the losses is added.
  ///   - scale: by default 1 / counted targets, for the gradient of the mean loss.
  ///   - factors: of each token's loss in that sum [B, T]; by default 1.
  /// - Throws: as `losses(of:weights:)`.
  public func addGradients(
    of batch: TokenBatch, weights: Parameters, to gradients: Parameters, scale: Float? = nil,
    factors: [Float]? = nil
  ) throws(Failure) -> [Float] {
    precondition(factors.map { $0.count == batch.targets.count } ?? true, "each token has a factor")
    precondition(gradients.model == model, "gradients are those of the model")
    let work = try prepare(batch, keepsActivations: true)
    let pass = pass(work, weights)
    forward(batch, work, pass)
    let scale = scale ?? 1 / Float(max(1, batch.counted))
    batch.targets.withUnsafeBufferPointer { targets in
      parts.head.forwardAndBackward(
        work.losses, work.scratch!.feedForwardInput, work.final, targets: targets.baseAddress!, scale: scale,
        factors: factors, logits: work.logits, blockRows: work.logitRows, gradients: gradients.start, pass)
    }
    backward(batch, work, gradients: gradients.start, pass)
    return Array(UnsafeBufferPointer(start: work.losses, count: pass.rows))
  }

  /// Floats that a pass may keep.
  private static let activationLimit = 1 << 36

  func prepare(_ batch: TokenBatch, keepsActivations: Bool) throws(Failure) -> PassActivations {
    try batch.check(model)
    if let activations, activations.batch == batch.sequences, activations.length == batch.length,
      activations.keepsActivations || !keepsActivations
    {
      return activations
    }
    activations = nil
    let sizes = Sizes(model)
    let rows = batch.inputs.count
    let kept = rows * sizes.perToken * (keepsActivations ? model.layers : 1)
    let logits = min(rows, LossHead.blockRows(rows: rows, vocabulary: model.vocabulary)) * model.vocabulary
    guard kept <= Transformer.activationLimit else {
      throw Failure(
        .unusable, "the activations of a batch of \(rows) tokens would take \(kept >> 28) GiB",
        hint: "use smaller batches, and accumulate their gradients")
    }
    try ModelMemory.checkPass(tokens: rows, floats: kept + logits)
    let work = PassActivations(
      sizes, batch: batch.sequences, length: batch.length, keepsActivations: keepsActivations)
    if let cosine = work.cosine, let sine = work.sine {
      brake_rope_table(
        cosine, sine, batch.length, model.rotary, model.ropeTheta,
        model.ropeScaling?.factors(rotary: model.rotary, theta: model.ropeTheta))
    }
    activations = work
    return work
  }

  func pass(_ work: PassActivations, _ weights: Parameters) -> Pass {
    precondition(weights.model == model, "weights are those of the model")
    return Pass(
      weights: weights.start, batch: work.batch, length: work.length, threads: threads, cosine: work.cosine,
      sine: work.sine)
  }

  /// Tokens -> `final` [R, C].
  func forward(_ batch: TokenBatch, _ work: PassActivations, _ pass: Pass) {
    embed(work.streams[0], batch, pass)
    for (index, layer) in parts.layers.enumerated() {
      layer.forward(work.streams[index + 1], work.streams[index], work.layers[index], work.spare, pass)
    }
    parts.finalNorm.forward(
      work.final, statistics: work.finalStatistics, work.streams[model.layers], pass)
  }

  /// y [R, C]: the embeddings of the tokens (+ positions).
  func embed(_ y: Floats, _ batch: TokenBatch, _ pass: Pass) {
    let positions = parts.positions.map { pass.weights + $0 }
    batch.inputs.withUnsafeBufferPointer { tokens in
      threads.rows(pass.rows, columns: model.width, cost: 1) { rows in
        brake_embedding(
          y, pass.weights + parts.embedding, positions, tokens.baseAddress!, rows.lowerBound, rows.upperBound,
          pass.length, model.width)
      }
    }
    scaleEmbeddings(y, pass)
  }

  /// y [R, C], multiplied by what embeddings are multiplied by: they, or their gradients.
  func scaleEmbeddings(_ y: Floats, _ pass: Pass) {
    guard let scale = parts.embeddingScale else { return }
    threads.rows(pass.rows, columns: model.width, cost: 1) { rows in
      let y = y + rows.lowerBound * model.width
      brake_scale(y, scale, y, rows.count * model.width)
    }
  }

  /// The gradient of `final`, which stands in `feedForwardInput` [R, C] -> the gradients of all parameters before it.
  func backward(_ batch: TokenBatch, _ work: PassActivations, gradients: Floats, _ pass: Pass) {
    guard let scratch = work.scratch else { return }
    let (rows, width) = (pass.rows, model.width)
    // residual [R, C]: the gradient of the residual stream, carried from layer to layer
    scratch.residual.update(repeating: 0, count: rows * width)
    parts.finalNorm.backward(
      scratch.residual, dy: scratch.feedForwardInput, statistics: work.finalStatistics,
      x: work.streams[model.layers], gradients: gradients, pass)
    for (index, layer) in parts.layers.enumerated().reversed() {
      layer.backward(
        scratch.residual, work.streams[index], work.layers[index], scratch, gradients: gradients, pass)
    }
    scaleEmbeddings(scratch.residual, pass)
    batch.inputs.withUnsafeBufferPointer { tokens in
      let grain = max(64, (model.vocabulary + 31) / 32)
      threads.ranges(model.vocabulary, grain: grain, work: 2 * rows * width) { range in
        brake_embedding_backward(
          gradients + parts.embedding, scratch.residual, tokens.baseAddress!, rows, width,
          Int32(range.lowerBound),
          Int32(range.upperBound))
      }
    }
    if let positions = parts.positions {
      threads.ranges(pass.length, grain: 16, work: rows * width) { range in
        brake_position_backward(
          gradients + positions, scratch.residual, pass.batch, pass.length, width, range.lowerBound,
          range.upperBound)
      }
    }
  }

  /// Columns of the matrices that a pass keeps.
  struct Sizes {
    let vocabulary, width, layers, heads, inner, rotary: Int
    /// Q = (H + 2 K) D, H D, and W, the feed-forward part before its activation.
    let projected, attended, wide: Int
    let isParallel, isInterleaved, hasNormsAfter: Bool
    /// Of queries and of keys, where they are normalised: values, and vectors of them that have a norm of their own.
    let queryKeyNorms: [(width: Int, count: Int)]

    /// Of a buffer for queries, keys and values on their way into another order, or through norms.
    var regrouped: Int { isInterleaved ? projected : queryKeyNorms.isEmpty ? 0 : 2 * attended }

    /// Floats that a layer keeps for each token, roughly.
    var perToken: Int {
      4 * width + projected + attended + wide + inner + queryKeyNorms.reduce(0) { $0 + $1.width }
    }

    init(_ model: ModelConfiguration) {
      vocabulary = model.vocabulary
      width = model.width
      layers = model.layers
      heads = model.heads
      inner = model.inner
      rotary = model.rotary
      projected = (model.heads + 2 * model.keyValueHeads) * model.headDimension
      attended = model.heads * model.headDimension
      wide = (model.activation.isGated ? 2 : 1) * model.inner
      isParallel = model.isParallel
      isInterleaved = model.family == .neox
      hasNormsAfter = model.norms == .after
      queryKeyNorms =
        model.queryKeyNorm.map { norm in
          [model.heads, model.keyValueHeads].map { heads in
            (width: heads * model.headDimension, count: norm == .head ? heads : 1)
          }
        } ?? []
    }
  }
}
