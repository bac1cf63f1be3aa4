internal import CKernels

/// RMSNorm or LayerNorm over the residual stream (C values a row).
struct Norm {
  let isLayerNorm: Bool
  let width: Int
  let epsilon: Float
  /// Offsets in the flat array of parameters.
  let weight, bias: Int?
  /// Whether 1 + the weight is meant, as Gemma keeps it; of RMSNorm alone.
  var countsFromOne = false

  /// y [R, C] = norm(x [R, C]). Statistics [2, R]: 1 / deviation, then (of LayerNorm) the mean.
  func forward(_ y: Floats, statistics: Floats, _ x: ConstantFloats, _ pass: Pass) {
    let rows = pass.rows
    let (weight, bias) = (weight.map { pass.weights + $0 }, bias.map { pass.weights + $0 })
    pass.threads.rows(rows, columns: width) { range in
      let (r, at) = (range.lowerBound, range.lowerBound * width)
      if isLayerNorm {
        brake_layernorm(
          y + at, statistics + rows + r, statistics + r, x + at, weight, bias, range.count, width, epsilon)
      } else {
        brake_rmsnorm(y + at, statistics + r, x + at, weight, countsFromOne, range.count, width, epsilon)
      }
    }
  }

  /// dx [R, C]: the gradient of the norm's input, added to dx if `adding`; those of weight and bias are always added.
  func backward(
    _ dx: Floats, adding: Bool = true, dy: ConstantFloats, statistics: ConstantFloats, x: ConstantFloats,
    gradients: Floats,
    _ pass: Pass
  ) {
    let rows = pass.rows
    pass.threads.rows(rows, columns: width, cost: 12) { range in
      let (r, at) = (range.lowerBound, range.lowerBound * width)
      backwardInput(
        dx + at, adding: adding, dy: dy + at, deviations: statistics + r, means: statistics + rows + r,
        x: x + at,
        rows: range.count, pass)
    }
    guard let weight else { return }
    pass.threads.ranges(width, grain: 64, work: 6 * rows * width) { columns in
      let (first, last) = (columns.lowerBound, columns.upperBound)
      if isLayerNorm {
        brake_layernorm_backward_weight(
          gradients + weight, bias.map { gradients + $0 }, dy, x, statistics + rows, statistics, rows, width,
          first,
          last)
      } else {
        brake_rmsnorm_backward_weight(gradients + weight, dy, x, statistics, rows, width, first, last)
      }
    }
  }

  /// dx [R, C]: the gradient of the norm's input, added to dx if `adding`. The statistics are those of the rows: 1 / deviation, and the mean.
  func backwardInput(
    _ dx: Floats, adding: Bool = true, dy: ConstantFloats, deviations: ConstantFloats, means: ConstantFloats,
    x: ConstantFloats, rows: Int, _ pass: Pass
  ) {
    let weight = weight.map { pass.weights + $0 }
    if isLayerNorm {
      brake_layernorm_backward(dx, dy, x, weight, means, deviations, rows, width, adding)
    } else {
      brake_rmsnorm_backward(dx, dy, x, weight, countsFromOne, deviations, rows, width, adding)
    }
  }
}
