/// A forward pass of changes to first order: of what each part gives, as what it reads and its own parameters change. It
/// reads the activations of the pass that it differentiates. tx and ty stand for the changes of x and y.
struct TangentPass {
  let pass: Pass
  /// The pass with the parameters' changes in the place of the parameters; nil where these stay as they are.
  let change: Pass?
  let scratch: TangentScratch

  /// For what depends on nothing but the number of rows.
  func flat(_ rows: Int) -> TangentPass {
    TangentPass(pass: pass.flat(rows), change: change?.flat(rows), scratch: scratch)
  }
}

/// Changes that live as long as one layer's pass (`residual`: the whole pass), named as the activations.
struct TangentScratch {
  let residual, attentionInput, feedForwardInput, projected, attended, wide, active: Floats
  /// Of norms, of which the widest has [R, C], or all queries.
  let norm, statistics: Floats
  /// For queries, keys and values on their way into another order, or through norms.
  let spare: Floats
  /// Of a gate: its derivatives [R, W], and ones [I].
  let slopes, ones: Floats

  init(_ model: Transformer.Sizes, rows: Int, _ room: Room) {
    residual = room.take(rows * model.width)
    attentionInput = room.take(rows * model.width)
    feedForwardInput = room.take(rows * model.width)
    projected = room.take(rows * model.projected)
    attended = room.take(rows * model.attended)
    wide = room.take(rows * model.wide)
    active = room.take(rows * model.inner)
    let norms = model.queryKeyNorms
    norm = room.take(rows * norms.reduce(model.width) { max($0, $1.width) })
    statistics = room.take(2 * rows * norms.reduce(1) { max($0, $1.count) })
    spare = room.take(rows * model.regrouped)
    let isGated = model.wide > model.inner
    slopes = room.take(isGated ? rows * model.wide : 0)
    ones = room.take(isGated ? model.inner : 0)
    if isGated { ones.update(repeating: 1, count: model.inner) }
  }
}
