internal import CKernels

/// The feed-forward part: C -> I values through an activation, and back.
struct FeedForward {
  let activation: ModelConfiguration.Activation
  /// [R, C] -> [R, W]: W = 2 I with a gate (the gate, then what it lets through), I without.
  let inputs: Linear
  /// [R, I] -> [R, C].
  let output: Linear

  var wide: Int { inputs.outputs }
  var inner: Int { output.inputs }

  /// y [R, C] = feed-forward(x [R, C]), added to y if `adding`.
  func forward(_ y: Floats, adding: Bool, _ x: ConstantFloats, _ kept: LayerActivations, _ pass: Pass) {
    // wide [R, W] = x [R, C] W^T
    inputs.forward(kept.wide, x, rows: pass.rows, pass)
    // active [R, I]
    pass.threads.rows(pass.rows, columns: wide, cost: 20) { rows in
      let (x, y) = (kept.wide + rows.lowerBound * wide, kept.active + rows.lowerBound * inner)
      switch activation {
      case .swiglu: brake_swiglu(y, inner, x, x + inner, wide, rows.count, inner)
      case .geglu: brake_geglu_tanh(y, inner, x, x + inner, wide, rows.count, inner)
      case .geluTanh: brake_gelu_tanh(y, x, rows.count * inner)
      case .geluErf: brake_gelu_erf(y, x, rows.count * inner)
      }
    }
    // y [R, C] = active [R, I] W^T, or += that
    output.forward(y, kept.active, rows: pass.rows, adding: adding, pass)
  }

  /// dx [R, C] from dy [R, C], which may be the same; the gradients of both matrices.
  func backward(
    _ dx: Floats, dy: ConstantFloats, x: ConstantFloats, _ kept: LayerActivations, _ scratch: BackwardScratch,
    gradients: Floats, _ pass: Pass
  ) {
    // active [R, I] <- dy [R, C]
    output.backward(scratch.active, dy: dy, x: kept.active, rows: pass.rows, gradients: gradients, pass)
    // wide [R, W] <- active [R, I]
    pass.threads.rows(pass.rows, columns: wide, cost: 30) { rows in
      let first = rows.lowerBound
      backwardActivation(
        scratch.wide + first * wide, dy: scratch.active + first * inner, x: kept.wide + first * wide,
        rows: rows.count)
    }
    // dx [R, C] <- wide [R, W]
    inputs.backward(dx, dy: scratch.wide, x: x, rows: pass.rows, gradients: gradients, pass)
  }

  /// dx [R, W] from dy [R, I] and x [R, W].
  func backwardActivation(_ dx: Floats, dy: ConstantFloats, x: ConstantFloats, rows: Int) {
    switch activation {
    case .swiglu: brake_swiglu_backward(dx, dx + inner, wide, dy, inner, x, x + inner, wide, rows, inner)
    case .geglu:
      brake_geglu_tanh_backward(dx, dx + inner, wide, dy, inner, x, x + inner, wide, rows, inner)
    case .geluTanh: brake_gelu_tanh_backward(dx, dy, x, rows * inner)
    case .geluErf: brake_gelu_erf_backward(dx, dy, x, rows * inner)
    }
  }
}
