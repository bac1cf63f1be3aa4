internal import CKernels

/// Brings all singular values of a matrix close to 1 by Newton-Schulz steps: X <- a X + (b A + c A A) X with A = X X^T,
/// on the side where A is the smaller (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon).
struct Orthogonalisation {
  let rows, columns: Int
  let threads: Threads

  /// Replaces `matrix` [rows, columns].
  func apply(_ matrix: FloatBuffer, iterations: Int) {
    let isTall = rows > columns
    let side = min(rows, columns)
    let (gram, polynomial) = (FloatBuffer(side * side), FloatBuffer(side * side))
    let product = FloatBuffer(rows * columns)
    let x = matrix.start
    let scale = 1 / (norm(matrix) + 1e-7)
    each(matrix.count) { i, n in brake_scale(x + i, Float(scale), x + i, n) }
    for _ in 0..<iterations {
      // gram [s, s] = X X^T, or X^T X of a tall matrix
      multiply(
        side, side, max(rows, columns), x, columns, isTall, x, columns, !isTall, gram.start, side)
      // polynomial [s, s] = b A + c A A
      multiply(side, side, side, gram.start, side, false, gram.start, side, false, polynomial.start, side)
      let (a, p) = (gram.start, polynomial.start)
      each(side * side) { i, n in
        brake_combine(p + i, Float(BRAKE_NEWTON_SCHULZ_B), a + i, Float(BRAKE_NEWTON_SCHULZ_C), p + i, n)
      }
      // product [rows, columns] = polynomial X, or X polynomial
      if isTall {
        multiply(rows, columns, side, x, columns, false, p, side, false, product.start, columns)
      } else {
        multiply(rows, columns, side, p, side, false, x, columns, false, product.start, columns)
      }
      each(matrix.count) { i, n in
        brake_combine(x + i, Float(BRAKE_NEWTON_SCHULZ_A), x + i, 1, product.start + i, n)
      }
    }
  }

  private func norm(_ matrix: FloatBuffer) -> Double {
    let chunk = Int(BRAKE_REDUCTION_CHUNK)
    var sum = 0.0
    for i in Swift.stride(from: 0, to: matrix.count, by: chunk) {
      sum += brake_sum_squares(matrix.start + i, min(chunk, matrix.count - i))
    }
    return sum.squareRoot()
  }

  private func each(_ count: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
    threads.ranges(count, grain: 1 << 16, work: 3 * count) { body($0.lowerBound, $0.count) }
  }

  private func multiply(
    _ m: Int, _ n: Int, _ k: Int, _ a: ConstantFloats, _ lda: Int, _ isATransposed: Bool, _ b: ConstantFloats,
    _ ldb: Int, _ isBTransposed: Bool, _ c: Floats, _ ldc: Int
  ) {
    threads.product(
      brake_product(
        m: m, n: n, k: k, a: a, lda: lda, a_transposed: isATransposed, b: b, ldb: ldb,
        b_transposed: isBTransposed,
        c: c, ldc: ldc, accumulate: false, bias: nil, batch: 1, stride_a: 0, stride_b: 0, stride_c: 0))
  }
}
