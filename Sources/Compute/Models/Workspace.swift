/// What the forward pass of one layer leaves for its backward pass. R = B T.
struct LayerActivations {
  /// [R, C]: the residual stream between attention and feed-forward.
  let middle: Floats
  /// [R, C] each: what attention and feed-forward read, and [2, R] the statistics of their norms.
  let attentionInput, feedForwardInput: Floats
  let attentionStatistics, feedForwardStatistics: Floats
  /// [R, Q], [R, H D], [B, H, T].
  let projected, attended, logSum: Floats
  /// [R, W], [R, I].
  let wide, active: Floats

  init(_ model: Transformer.Sizes, rows: Int, _ room: Room) {
    middle = room.take(model.isParallel ? 0 : rows * model.width)
    attentionInput = room.take(rows * model.width)
    feedForwardInput = room.take(rows * model.width)
    attentionStatistics = room.take(2 * rows)
    feedForwardStatistics = room.take(2 * rows)
    projected = room.take(rows * model.projected)
    attended = room.take(rows * model.attended)
    logSum = room.take(rows * model.heads)
    wide = room.take(rows * model.wide)
    active = room.take(rows * model.inner)
  }
}

/// Gradients that live as long as one layer's backward pass, named as the activations.
struct BackwardScratch {
  let residual, attentionInput, feedForwardInput, projected, regrouped, attended, wide, active: Floats

  init(_ model: Transformer.Sizes, rows: Int, _ room: Room) {
    residual = room.take(rows * model.width)
    attentionInput = room.take(rows * model.width)
    feedForwardInput = room.take(rows * model.width)
    projected = room.take(rows * model.projected)
    regrouped = room.take(model.isInterleaved ? rows * model.projected : 0)
    attended = room.take(rows * model.attended)
    wide = room.take(rows * model.wide)
    active = room.take(rows * model.inner)
  }
}

/// Memory that is given back all at once.
final class Room {
  private var buffers: [FloatBuffer] = []

  func take(_ count: Int) -> Floats {
    let buffer = FloatBuffer(count)
    buffers.append(buffer)
    return buffer.start
  }
}

/// The memory of a pass over B sequences of T tokens. Where nothing is to be kept for a backward pass, all layers share
/// one set of activations.
final class Workspace {
  let batch, length: Int
  let keepsActivations: Bool
  /// The residual stream [R, C] before each layer and after the last.
  let streams: [Floats]
  let layers: [LayerActivations]
  /// [R, C] and [2, R].
  let final, finalStatistics: Floats
  /// [R, Q]: heads before they are regrouped.
  let spare: Floats
  /// [block, V].
  let logits: Floats
  let logitRows: Int
  /// [R].
  let losses: Floats
  let scratch: BackwardScratch?
  /// [T, rotary / 2].
  let cosine, sine: Floats?
  private let room: Room

  init(_ sizes: Transformer.Sizes, batch: Int, length: Int, keepsActivations: Bool) {
    let room = Room()
    let rows = batch * length
    self.batch = batch
    self.length = length
    self.keepsActivations = keepsActivations
    let distinct = keepsActivations ? sizes.layers : 1
    let streams = (0...distinct).map { _ in room.take(rows * sizes.width) }
    let layers = (0..<distinct).map { _ in LayerActivations(sizes, rows: rows, room) }
    self.streams = (0...sizes.layers).map { streams[$0 % streams.count] }
    self.layers = (0..<sizes.layers).map { layers[$0 % distinct] }
    final = room.take(rows * sizes.width)
    finalStatistics = room.take(2 * rows)
    spare = room.take(sizes.isInterleaved ? rows * sizes.projected : 0)
    logitRows = LossHead.blockRows(rows: rows, vocabulary: sizes.vocabulary)
    logits = room.take(logitRows * sizes.vocabulary)
    losses = room.take(rows)
    scratch = keepsActivations ? BackwardScratch(sizes, rows: rows, room) : nil
    (cosine, sine) =
      sizes.rotary > 0
      ? (room.take(length * sizes.rotary / 2), room.take(length * sizes.rotary / 2)) : (nil, nil)
    self.room = room
  }
}
