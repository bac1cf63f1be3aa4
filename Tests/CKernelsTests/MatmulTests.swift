import CKernels
import Testing

@Suite struct `Matrix products` {
  @Test func `A product of every form is the stated chain of fused multiply-adds`() {
    let (m, n, k) = (5, 37, 260)
    var random = Inputs(seed: 1)
    for form in 0..<8 {
      let (transposedA, transposedB, accumulate) = (form & 1 != 0, form & 2 != 0, form & 4 != 0)
      let a = random.values(m * k)
      let b = random.values(k * n)
      let bias = random.values(n)
      let old = random.values(m * n)
      var expected = old
      for i in 0..<m {
        for j in 0..<n {
          var sum: Float? = accumulate ? old[i * n + j] : nil
          for block in stride(from: 0, to: k, by: 256) {
            var chain: Float = 0
            for p in block..<min(block + 256, k) {
              chain.addProduct(
                transposedA ? a[p * m + i] : a[i * k + p], transposedB ? b[j * k + p] : b[p * n + j])
            }
            sum = sum.map { $0 + chain } ?? chain
          }
          expected[i * n + j] = (sum ?? 0) + bias[j]
        }
      }
      var c = old
      var product = brake_product(
        m: m, n: n, k: k, a: nil, lda: transposedA ? m : k, a_transposed: transposedA, b: nil,
        ldb: transposedB ? k : n, b_transposed: transposedB, c: nil, ldc: n, accumulate: accumulate,
        bias: nil,
        batch: 1, stride_a: 0, stride_b: 0, stride_c: 0)
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          bias.withUnsafeBufferPointer { bias in
            c.withUnsafeMutableBufferPointer { c in
              (product.a, product.b, product.c, product.bias) =
                (a.baseAddress, b.baseAddress, c.baseAddress, bias.baseAddress)
              brake_matmul_tiles(&product, 0, brake_matmul_tile_count(&product))
            }
          }
        }
      }
      #expect(c == expected)
    }
  }
}
