internal import CKernels

/// y = x W^T + b. W is [outputs, inputs], or [inputs, outputs] where GPT-2 keeps it so ("Conv1D").
struct Linear {
  let inputs, outputs: Int
  /// Offsets in the flat array of parameters.
  let weight: Int
  var bias: Int?
  var isStoredByInput = false

  private var stride: Int { isStoredByInput ? outputs : inputs }

  /// y [R, outputs] = x [R, inputs] W^T + b, added to y if `adding`.
  func forward(_ y: Floats, _ x: ConstantFloats, rows: Int, adding: Bool = false, _ pass: Pass) {
    pass.threads.product(
      brake_product(
        m: rows, n: outputs, k: inputs, a: x, lda: inputs, a_transposed: false, b: pass.weights + weight,
        ldb: stride, b_transposed: !isStoredByInput, c: y, ldc: outputs, accumulate: adding,
        bias: bias.map { pass.weights + $0 }, batch: 1, stride_a: 0, stride_b: 0, stride_c: 0))
  }

  /// dx [R, inputs] = dy [R, outputs] W; dW += dy^T x; db += sum of dy over the rows.
  func backward(
    _ dx: Floats, dy: ConstantFloats, x: ConstantFloats, rows: Int, gradients: Floats, _ pass: Pass
  ) {
    backwardInput(dx, dy: dy, rows: rows, pass)
    addGradients(dy: dy, x: x, rows: rows, to: gradients, pass)
  }

  /// dx [R, inputs] = dy [R, outputs] W.
  func backwardInput(_ dx: Floats, dy: ConstantFloats, rows: Int, _ pass: Pass) {
    pass.threads.product(
      brake_product(
        m: rows, n: inputs, k: outputs, a: dy, lda: outputs, a_transposed: false, b: pass.weights + weight,
        ldb: stride, b_transposed: isStoredByInput, c: dx, ldc: inputs, accumulate: false, bias: nil,
        batch: 1, stride_a: 0, stride_b: 0, stride_c: 0))
  }

  /// dW += dy [R, outputs]^T x [R, inputs]; db += sum of dy over the rows.
  func addGradients(
    dy: ConstantFloats, x: ConstantFloats, rows: Int, to gradients: Floats, _ pass: Pass
  ) {
    let (left, right) = isStoredByInput ? (x, dy) : (dy, x)
    pass.threads.product(
      brake_product(
        m: isStoredByInput ? inputs : outputs, n: stride, k: rows, a: left,
        lda: isStoredByInput ? inputs : outputs, a_transposed: true, b: right, ldb: stride,
        b_transposed: false, c: gradients + weight, ldc: stride, accumulate: true, bias: nil, batch: 1,
        stride_a: 0, stride_b: 0, stride_c: 0))
    guard let bias else { return }
    pass.threads.ranges(outputs, grain: 64, work: 4 * rows * outputs) { columns in
      brake_column_sums(gradients + bias, dy, outputs, rows, columns.lowerBound, columns.upperBound, true)
    }
  }
}
