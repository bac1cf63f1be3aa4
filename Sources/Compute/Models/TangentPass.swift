/// A forward pass of changes to first order: of what each part gives, as what it reads and its own parameters change. It
/// reads the activations of the pass that it differentiates. tx and ty stand for the changes of x and y.
struct TangentPass {
  let pass: Pass
  /// The pass with the parameters' changes in the place of the parameters; nil where these stay as they are.
  let change: Pass?
  let scratch: TangentScratch
}

/// Changes that live as long as one layer's pass (`residual`: the whole pass), named as the activations.
struct TangentScratch {
  let residual, attentionInput, feedForwardInput, projected, attended, wide, active: Floats
  /// [R, C] and [2, R]: of norms.
  let norm, statistics: Floats
  /// [R, Q]: heads before they are regrouped.
  let spare: Floats
  /// Of SwiGLU: its derivatives [R, W], and ones [I].
  let slopes, ones: Floats

  init(_ model: Transformer.Sizes, rows: Int, _ room: Room) {
    residual = room.take(rows * model.width)
    attentionInput = room.take(rows * model.width)
    feedForwardInput = room.take(rows * model.width)
    projected = room.take(rows * model.projected)
    attended = room.take(rows * model.attended)
    wide = room.take(rows * model.wide)
    active = room.take(rows * model.inner)
    norm = room.take(rows * model.width)
    statistics = room.take(2 * rows)
    spare = room.take(model.isInterleaved ? rows * model.projected : 0)
    let isGated = model.wide > model.inner
    slopes = room.take(isGated ? rows * model.wide : 0)
    ones = room.take(isGated ? model.inner : 0)
    if isGated { ones.update(repeating: 1, count: model.inner) }
  }
}
