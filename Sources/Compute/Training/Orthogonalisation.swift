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
    let whole = Matrix(start: x, rows: rows, columns: columns)
    let short = isTall ? whole.transposed : whole
    let (a, p) = (
      Matrix(start: gram.start, rows: side, columns: side),
      Matrix(start: polynomial.start, rows: side, columns: side)
    )
    for _ in 0..<iterations {
      // X X^T, or X^T X of a tall matrix
      multiply(short, short.transposed, into: gram)
      // b A + c A A
      multiply(a, a, into: polynomial)
      each(side * side) { i, n in
        brake_combine(
          p.start + i, Float(BRAKE_NEWTON_SCHULZ_B), a.start + i, Float(BRAKE_NEWTON_SCHULZ_C), p.start + i, n
        )
      }
      if isTall { multiply(whole, p, into: product) } else { multiply(p, whole, into: product) }
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

  /// A matrix whose rows stand one after the other, or what it is transposed.
  private struct Matrix {
    let start: Floats
    let rows, columns: Int
    var isTransposed = false

    var transposed: Matrix {
      Matrix(start: start, rows: columns, columns: rows, isTransposed: !isTransposed)
    }
    /// From one row to the next as they stand in memory.
    var stride: Int { isTransposed ? rows : columns }
  }

  private func multiply(_ a: Matrix, _ b: Matrix, into c: FloatBuffer) {
    threads.product(
      brake_product(
        m: a.rows, n: b.columns, k: a.columns, a: a.start, lda: a.stride, a_transposed: a.isTransposed,
        b: b.start, ldb: b.stride, b_transposed: b.isTransposed, c: c.start, ldc: b.columns,
        accumulate: false, bias: nil, batch: 1, stride_a: 0, stride_b: 0, stride_c: 0))
  }
}
