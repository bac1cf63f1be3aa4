/// The memory of a pass over B sequences of T tokens. Where nothing is to be kept for a backward pass, all layers share
/// one set of activations.
final class PassActivations {
  let batch, length: Int
  let keepsActivations: Bool
  /// The residual stream [R, C] before each layer and after the last.
  let streams: [Floats]
  let layers: [LayerActivations]
  /// [R, C] and [2, R].
  let final, finalStatistics: Floats
  /// For queries, keys and values on their way into another order, or through norms.
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
    spare = room.take(rows * sizes.regrouped)
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
