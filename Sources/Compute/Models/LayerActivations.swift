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
