internal import CKernels

/// The output matrix and the cross-entropy. Logits are computed for a block of rows at a time and never kept.
struct LossHead {
  /// [R, C] -> [R, V].
  let linear: Linear

  /// A multiple of the 256 rows after which sums over rows start a new chain, so that blocks do not change a bit.
  static func blockRows(rows: Int, vocabulary: Int) -> Int {
    min((rows + 255) / 256, max(1, (1 << 23) / (256 * vocabulary))) * 256
  }

  /// losses [R] of x [R, C]. `logits` has room for one block.
  func forward(
    _ losses: Floats, _ x: ConstantFloats, targets: UnsafePointer<Int32>, logits: Floats, blockRows: Int,
    _ pass: Pass
  ) {
    blocks(pass.rows, blockRows) { first, rows in
      linear.forward(logits, x + first * linear.inputs, rows: rows, pass)
      pass.threads.rows(rows, columns: linear.outputs, cost: 20) { range in
        brake_cross_entropy(
          losses + first + range.lowerBound, logits + range.lowerBound * linear.outputs,
          targets + first + range.lowerBound, range.count, linear.outputs)
      }
    }
  }

  /// losses [R], and dx [R, C] and the matrix's gradient of scale * the sum of the losses, each times its factor [R].
  func forwardAndBackward(
    _ losses: Floats, _ dx: Floats, _ x: ConstantFloats, targets: UnsafePointer<Int32>, scale: Float,
    factors: [Float]? = nil, logits: Floats, blockRows: Int, gradients: Floats, _ pass: Pass
  ) {
    blocks(pass.rows, blockRows) { first, rows in
      let at = first * linear.inputs
      linear.forward(logits, x + at, rows: rows, pass)
      pass.threads.rows(rows, columns: linear.outputs, cost: 30) { range in
        brake_cross_entropy_gradient(
          losses + first + range.lowerBound, logits + range.lowerBound * linear.outputs,
          targets + first + range.lowerBound, scale, range.count, linear.outputs)
        for row in factors == nil ? 0..<0 : range {
          let logits = logits + row * linear.outputs
          brake_scale(logits, factors?[first + row] ?? 1, logits, linear.outputs)
        }
      }
      linear.backward(dx + at, dy: logits, x: x + at, rows: rows, gradients: gradients, pass)
    }
  }

  func blocks(_ rows: Int, _ blockRows: Int, _ body: (_ first: Int, _ rows: Int) -> Void) {
    for first in stride(from: 0, to: rows, by: blockRows) { body(first, min(blockRows, rows - first)) }
  }
}
