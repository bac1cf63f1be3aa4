/// What the forward pass of one layer leaves for its backward pass. R = B T.
struct LayerActivations {
  /// [R, C]: the residual stream between attention and feed-forward.
  let middle: Floats
  /// [R, C] each: what attention and feed-forward read, where norms stand before them; and what they gave, where norms
  /// stand behind. [2, R] the statistics of these norms.
  let attentionInput, feedForwardInput: Floats
  let attentionOutput, feedForwardOutput: Floats
  let attentionStatistics, feedForwardStatistics: Floats
  /// [R, Q], [R, H D], [B, H, T].
  let projected, attended, logSum: Floats
  /// Of queries and of keys; empty where they are not normalised.
  let queryKeyNorms: [QueryKeyNorms.Activations]
  /// [R, W], [R, I].
  let wide, active: Floats

  init(_ model: Transformer.Sizes, rows: Int, _ room: Room) {
    middle = room.take(model.isParallel ? 0 : rows * model.width)
    attentionInput = room.take(model.hasNormsAfter ? 0 : rows * model.width)
    feedForwardInput = room.take(model.hasNormsAfter ? 0 : rows * model.width)
    attentionOutput = room.take(model.hasNormsAfter ? rows * model.width : 0)
    feedForwardOutput = room.take(model.hasNormsAfter ? rows * model.width : 0)
    attentionStatistics = room.take(2 * rows)
    feedForwardStatistics = room.take(2 * rows)
    projected = room.take(rows * model.projected)
    attended = room.take(rows * model.attended)
    logSum = room.take(rows * model.heads)
    queryKeyNorms = model.queryKeyNorms.map {
      QueryKeyNorms.Activations(
        input: room.take(rows * $0.width), statistics: room.take(2 * rows * $0.count))
    }
    wide = room.take(rows * model.wide)
    active = room.take(rows * model.inner)
  }
}

/// Gradients that live as long as one layer's backward pass, named as the activations.
struct BackwardScratch {
  let residual, attentionInput, feedForwardInput, projected, attended, wide, active: Floats
  /// For queries, keys and values on their way into another order, or through norms.
  let regrouped: Floats

  init(_ model: Transformer.Sizes, rows: Int, _ room: Room) {
    residual = room.take(rows * model.width)
    attentionInput = room.take(rows * model.width)
    feedForwardInput = room.take(rows * model.width)
    projected = room.take(rows * model.projected)
    regrouped = room.take(rows * model.regrouped)
    attended = room.take(rows * model.attended)
    wide = room.take(rows * model.wide)
    active = room.take(rows * model.inner)
  }
}
