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
    var plain = self
    plain.countsFromOne = false
    if let change { plain.forward(ty, statistics: scratch.statistics, x, change) }
    guard let tx else { return change == nil ? nil : ConstantFloats(ty) }
    pass.threads.rows(pass.rows, columns: width, cost: 16) { rows in
      let (r, at, count) = (rows.lowerBound, rows.lowerBound * width, rows.count)
      // n' [R, C] = J tx
      let n = (change == nil ? ty : scratch.norm) + at
      if isLayerNorm {
        let means = statistics + pass.rows
        brake_layernorm_backward(n, tx + at, x + at, nil, means + r, statistics + r, count, width, false)
      } else {
        brake_rmsnorm_backward(n, tx + at, x + at, nil, false, statistics + r, count, width, false)
      }
      if let weight {
        let product = FloatBuffer(countsFromOne ? width : 0)
        for row in 0..<count {
          let n = n + row * width
          if countsFromOne {
            brake_multiply(product.start, n, pass.weights + weight, width)
            brake_add(n, n, product.start, width)
          } else {
            brake_multiply(n, n, pass.weights + weight, width)
          }
        }
      }
      if change != nil { brake_add(ty + at, ty + at, n, count * width) }
    }
    return ConstantFloats(ty)
  }
}

extension Attention {
  /// ty [R, C] = the change of attention(x [R, C]), added to ty if `adding`.
  /// - Parameter tx: [R, C]; nil for zeros.
  func tangent(
    _ ty: Floats, adding: Bool, _ tx: ConstantFloats?, x: ConstantFloats, _ kept: LayerActivations,
    _ tangent: TangentPass
  ) {
    let (pass, scratch) = (tangent.pass, tangent.scratch)
    // projected [R, Q]
    inputs.tangent(isInterleaved ? scratch.spare : scratch.projected, tx, x: x, tangent)
    ordered(scratch.projected, from: scratch.spare, pass)
    norms?.through(scratch.projected, scratch.spare, pass) { index, part, ty, tx in
      let kept = kept.queryKeyNorms[index]
      _ = part.norm.tangent(
        ty, tx, x: kept.input, statistics: kept.statistics, tangent.flat(pass.rows * part.count))
    }
    rotate(scratch.projected, inverse: false, pass)
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
    // ty [R, C] = attended W^T and more, or += that
    output.tangent(ty, scratch.attended, x: kept.attended, adding: adding, tangent)
  }
}

extension FeedForward {
  /// ty [R, C] = the change of feed-forward(x [R, C]), added to ty if `adding`.
  /// - Parameter tx: [R, C]; nil for zeros.
  func tangent(
    _ ty: Floats, adding: Bool, _ tx: ConstantFloats?, x: ConstantFloats, _ kept: LayerActivations,
    _ tangent: TangentPass
  ) {
    let (pass, scratch) = (tangent.pass, tangent.scratch)
    // wide [R, W]
    inputs.tangent(scratch.wide, tx, x: x, tangent)
    // active [R, I]
    pass.threads.rows(pass.rows, columns: wide, cost: 30) { rows in
      let (at, count) = (rows.lowerBound * wide, rows.count)
      let (t, x, y) = (scratch.wide + at, kept.wide + at, scratch.active + rows.lowerBound * inner)
      switch activation {
      case .swiglu, .geglu:
        let slopes = scratch.slopes + at
        for row in 0..<count {
          backwardActivation(slopes + row * wide, dy: scratch.ones, x: x + row * wide, rows: 1)
        }
        brake_multiply(slopes, slopes, t, count * wide)
        for row in 0..<count {
          brake_add(y + row * inner, slopes + row * wide, slopes + row * wide + inner, inner)
        }
      case .geluTanh, .geluErf: backwardActivation(y, dy: t, x: x, rows: count)
      }
    }
    // ty [R, C] = active W^T and more, or += that
    output.tangent(ty, scratch.active, x: kept.active, adding: adding, tangent)
  }
}

extension DecoderLayer {
  /// stream [R, C]: on entry the change of what the layer read, x [R, C]; on return that of what it gave.
  /// - Parameter isZero: whether the stream holds zeros.
  func tangent(
    _ stream: Floats, isZero: Bool, x: ConstantFloats, _ kept: LayerActivations, _ tangent: TangentPass
  ) {
    let (scratch, tx) = (tangent.scratch, isZero ? nil : ConstantFloats(stream))
    if norms == .after {
      attention.tangent(scratch.attentionInput, adding: false, tx, x: x, kept, tangent)
      add(
        stream, attentionNorm, scratch.attentionInput, x: kept.attentionOutput,
        statistics: kept.attentionStatistics, spare: scratch.feedForwardInput, tangent)
      feedForward.tangent(
        scratch.feedForwardInput, adding: false, stream, x: kept.middle, kept, tangent)
      add(
        stream, feedForwardNorm, scratch.feedForwardInput, x: kept.feedForwardOutput,
        statistics: kept.feedForwardStatistics, spare: scratch.attentionInput, tangent)
      return
    }
    func feedForwardInput(_ tx: ConstantFloats?, _ x: ConstantFloats) -> ConstantFloats? {
      feedForwardNorm.tangent(
        scratch.feedForwardInput, tx, x: x, statistics: kept.feedForwardStatistics, tangent)
    }
    func addAttention(_ tx: ConstantFloats?) {
      attention.tangent(stream, adding: true, tx, x: kept.attentionInput, kept, tangent)
    }
    func addFeedForward(_ tx: ConstantFloats?) {
      feedForward.tangent(stream, adding: true, tx, x: kept.feedForwardInput, kept, tangent)
    }
    let attentionInput = attentionNorm.tangent(
      scratch.attentionInput, tx, x: x, statistics: kept.attentionStatistics, tangent)
    if isParallel {
      let feedForwardInput = feedForwardInput(tx, x)
      addAttention(attentionInput)
      addFeedForward(feedForwardInput)
    } else {
      addAttention(attentionInput)
      addFeedForward(feedForwardInput(stream, kept.middle))
    }
  }

  /// stream [R, C] += the change of what a norm makes of x [R, C], from tx [R, C].
  private func add(
    _ stream: Floats, _ norm: Norm, _ tx: ConstantFloats, x: ConstantFloats, statistics: ConstantFloats,
    spare ty: Floats, _ tangent: TangentPass
  ) {
    _ = norm.tangent(ty, tx, x: x, statistics: statistics, tangent)
    tangent.pass.threads.rows(tangent.pass.rows, columns: norm.width, cost: 1) { rows in
      let at = rows.lowerBound * norm.width
      brake_add(stream + at, stream + at, ty + at, rows.count * norm.width)
    }
  }
}
