internal import CKernels

/// Parameters whose changes a tangent follows. Both tangents, and what the output matrix's change adds behind the final
/// norm, add up to that of the whole model.
enum TangentPart {
  /// The embedding and learned positions.
  case embeddings
  /// The layers and the final norm.
  case layers
}

extension Transformer {
  /// The change of `final` [R, C] to first order as parameters change: forward-mode differentiation along `delta`. For the
  /// layers it is about the work of two forward passes, for the embeddings of one.
  /// - Parameter work: keeps the activations of `forward(batch, work, pass)`; nothing in it changes.
  func tangent(
    _ batch: TokenBatch, _ work: PassActivations, _ pass: Pass, along delta: Parameters, of part: TangentPart
  ) -> FloatBuffer {
    precondition(delta.model == model, "changes are those of the model")
    precondition(work.keepsActivations, "the pass keeps its activations")
    let (rows, room) = (pass.rows, Room())
    let change = part == .layers ? self.pass(work, delta) : nil
    let scratch = TangentScratch(Sizes(model), rows: rows, room)
    let tangent = TangentPass(pass: pass, change: change, scratch: scratch)
    let final = FloatBuffer(rows * model.width)
    withExtendedLifetime(room) {
      // residual [R, C]: the change of the residual stream, carried from layer to layer
      if part == .embeddings { embed(scratch.residual, batch, self.pass(work, delta)) }
      for (index, layer) in parts.layers.enumerated() {
        layer.tangent(
          scratch.residual, isZero: part == .layers && index == 0, x: work.streams[index], work.layers[index],
          tangent)
      }
      _ = parts.finalNorm.tangent(
        final.start, scratch.residual, x: work.streams[model.layers], statistics: work.finalStatistics,
        tangent)
    }
    return final
  }
}

extension Threads {
  /// Of each row the sum of x y over the columns, in float64.
  func rowDots(_ x: ConstantFloats, _ y: ConstantFloats, rows: Int, columns: Int) -> [Double] {
    [Double](unsafeUninitializedCapacity: rows) { sums, count in
      let sums = sums.baseAddress!
      self.rows(rows, columns: columns) { range in
        for row in range { sums[row] = brake_dot(x + row * columns, y + row * columns, columns) }
      }
      count = rows
    }
  }
}
