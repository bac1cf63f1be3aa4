internal import CKernels

extension Linear {
  /// ty [R, outputs] = tx W^T + x W'^T + b', added to ty if `adding`.
  /// - Parameter tx: [R, inputs]; nil for zeros.
  func tangent(
    _ ty: Floats, _ tx: ConstantFloats?, x: ConstantFloats, adding: Bool = false, _ tangent: TangentPass
  ) {
    let rows = tangent.pass.rows
    if let tx {
      var matrix = self
      matrix.bias = nil
      matrix.forward(ty, tx, rows: rows, adding: adding, tangent.pass)
    }
    if let change = tangent.change { forward(ty, x, rows: rows, adding: adding || tx != nil, change) }
  }
}

extension Norm {
  /// ty [R, C] = (J tx) w + n w' + b', where y = n w + b and J is the Jacobian of n: a symmetric matrix, so that the backward
  /// pass multiplies by it, too.
  /// - Parameter tx: [R, C]; nil for zeros.
  /// - Returns: ty, or nil where it is zero.
  func tangent(
    _ ty: Floats, _ tx: ConstantFloats?, x: ConstantFloats, statistics: ConstantFloats, _ tangent: TangentPass
  ) -> ConstantFloats? {
    let (pass, scratch) = (tangent.pass, tangent.scratch)
    let change = weight == nil ? nil : tangent.change
    // ty [R, C] = n w' + b'
    if let change { forward(ty, statistics: scratch.statistics, x, change) }
    guard let tx else { return change == nil ? nil : ConstantFloats(ty) }
    pass.threads.rows(pass.rows, columns: width, cost: 16) { rows in
      let (r, at, count) = (rows.lowerBound, rows.lowerBound * width, rows.count)
      // n' [R, C] = J tx
      let n = (change == nil ? ty : scratch.norm) + at
      if isLayerNorm {
        let means = statistics + pass.rows
        brake_layernorm_backward(n, tx + at, x + at, nil, means + r, statistics + r, count, width, false)
      } else {
        brake_rmsnorm_backward(n, tx + at, x + at, nil, statistics + r, count, width, false)
      }
      if let weight {
        for row in 0..<count {
          brake_multiply(n + row * width, n + row * width, pass.weights + weight, width)
        }
      }
      if change != nil { brake_add(ty + at, ty + at, n, count * width) }
    }
    return ConstantFloats(ty)
  }
}

extension Attention {
  /// ty [R, C] += the change of attention(x [R, C]).
  /// - Parameter tx: [R, C]; nil for zeros.
  func tangent(addingTo ty: Floats, _ tx: ConstantFloats?, _ kept: LayerActivations, _ tangent: TangentPass) {
    let (pass, scratch) = (tangent.pass, tangent.scratch)
    // projected [R, Q]
    inputs.tangent(isInterleaved ? scratch.spare : scratch.projected, tx, x: kept.attentionInput, tangent)
    arrange(scratch.projected, from: scratch.spare, pass)
    // attended [R, H D]
    let (q, k) = (heads * headDimension, keyValueHeads * headDimension)
    var change = brake_attention_change(
      q: scratch.projected, ldq: columns, k: scratch.projected + q, ldk: columns,
      v: scratch.projected + q + k, ldv: columns, out: scratch.attended, ldo: q)
    withUnsafePointer(to: &change) { change in
      withUnsafePointer(to: kernel(kept, pass)) { kernel in
        pass.threads.run(brake_attention_task_count(kernel), work: 3 * work(pass)) { first, last in
          brake_attention_tangent(kernel, change, first, last)
        }
      }
    }
    // ty [R, C] += attended W^T and more
    output.tangent(ty, scratch.attended, x: kept.attended, adding: true, tangent)
  }
}

extension FeedForward {
  /// ty [R, C] += the change of feed-forward(x [R, C]).
  /// - Parameter tx: [R, C]; nil for zeros.
  func tangent(addingTo ty: Floats, _ tx: ConstantFloats?, _ kept: LayerActivations, _ tangent: TangentPass) {
    let (pass, scratch) = (tangent.pass, tangent.scratch)
    // wide [R, W]
    inputs.tangent(scratch.wide, tx, x: kept.feedForwardInput, tangent)
    // active [R, I]
    pass.threads.rows(pass.rows, columns: wide, cost: 30) { rows in
      let (at, count) = (rows.lowerBound * wide, rows.count)
      let (t, x, y) = (scratch.wide + at, kept.wide + at, scratch.active + rows.lowerBound * inner)
      switch activation {
      case .swiglu:
        let slopes = scratch.slopes + at
        brake_swiglu_backward(
          slopes, slopes + inner, wide, scratch.ones, 0, x, x + inner, wide, count, inner)
        brake_multiply(slopes, slopes, t, count * wide)
        for row in 0..<count {
          brake_add(y + row * inner, slopes + row * wide, slopes + row * wide + inner, inner)
        }
      case .geluTanh, .geluErf: backwardActivation(y, dy: t, x: x, rows: count)
      }
    }
    // ty [R, C] += active W^T and more
    output.tangent(ty, scratch.active, x: kept.active, adding: true, tangent)
  }
}

extension DecoderLayer {
  /// stream [R, C]: on entry the change of what the layer read, x [R, C]; on return that of what it gave.
  /// - Parameter isZero: whether the stream holds zeros.
  func tangent(
    _ stream: Floats, isZero: Bool, x: ConstantFloats, _ kept: LayerActivations, _ tangent: TangentPass
  ) {
    let (scratch, tx) = (tangent.scratch, isZero ? nil : ConstantFloats(stream))
    func feedForwardInput(_ tx: ConstantFloats?, _ x: ConstantFloats) -> ConstantFloats? {
      feedForwardNorm.tangent(
        scratch.feedForwardInput, tx, x: x, statistics: kept.feedForwardStatistics, tangent)
    }
    let attentionInput = attentionNorm.tangent(
      scratch.attentionInput, tx, x: x, statistics: kept.attentionStatistics, tangent)
    if isParallel {
      let feedForwardInput = feedForwardInput(tx, x)
      attention.tangent(addingTo: stream, attentionInput, kept, tangent)
      feedForward.tangent(addingTo: stream, feedForwardInput, kept, tangent)
    } else {
      attention.tangent(addingTo: stream, attentionInput, kept, tangent)
      feedForward.tangent(addingTo: stream, feedForwardInput(stream, kept.middle), kept, tangent)
    }
  }
}
