import CKernels
import Glibc
import Testing

@Suite struct `Optimisers` {
  let n = 37

  private func start(_ seed: UInt32) -> (w: [Float], g: [Float], zeros: [Float]) {
    var random = Inputs(seed: seed)
    return (random.values(n), random.values(n), [Float](repeating: 0, count: n))
  }

  @Test func `Three steps of AdamW agree with the definition`() {
    let (initial, g, zeros) = start(71)
    var (w, m, v) = (initial, zeros, zeros)
    var (rw, rm, rv) = (doubles(initial), doubles(zeros), doubles(zeros))
    for step in 1...3 {
      var s = brake_adamw_step(
        learning_rate: 1e-2, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, gradient_scale: 0.5,
        step: step)
      brake_adamw(&w, &m, &v, g, n, &s)
      for i in 0..<n {
        let gradient = 0.5 * Double(g[i])
        rm[i] = 0.9 * rm[i] + 0.1 * gradient
        rv[i] = 0.95 * rv[i] + 0.05 * gradient * gradient
        let (mhat, vhat) = (rm[i] / (1 - pow(0.9, Double(step))), rv[i] / (1 - pow(0.95, Double(step))))
        rw[i] -= 1e-2 * 0.1 * rw[i]
        rw[i] -= 1e-2 * mhat / (vhat.squareRoot() + 1e-8)
      }
      expectClose(w, rw)
    }
    expectClose(m, rm)
    expectClose(v, rv)
  }

  @Test func `Cautious AdamW moves only where momentum and gradient agree`() {
    let (initial, g, _) = start(72)
    var random = Inputs(seed: 73)
    var (w, m, v) = (initial, random.values(n), random.values(n).map(abs))
    let (m0, v0) = (doubles(m), doubles(v))
    var s = brake_adamw_step(
      learning_rate: 1e-2, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, gradient_scale: 1,
      step: 4)
    let aligned = brake_cautious_moments(&m, &v, g, n, &s)
    let boost = Double(n) / Double(aligned)
    brake_cautious_apply(&w, m, v, g, n, &s, boost)
    var count = 0
    let reference = (0..<n).map { i in
      let (gradient, weight) = (Double(g[i]), Double(initial[i]))
      let first = 0.9 * m0[i] + 0.1 * gradient
      let second = 0.95 * v0[i] + 0.05 * gradient * gradient
      let update =
        first / (1 - pow(0.9, 4)) / ((second / (1 - pow(0.95, 4))).squareRoot() + 1e-8)
      if first * gradient > 0 { count += 1 }
      return weight - 1e-3 * weight - (first * gradient > 0 ? 1e-2 * boost * update : 0)
    }
    #expect(aligned == count && count > 0 && count < n)
    expectClose(w, reference)
  }

  @Test func `AdEMAMix adds a slow average of rate beta3`() {
    let (initial, g, zeros) = start(74)
    var (w, m, slow, v) = (initial, zeros, zeros, zeros)
    var (rw, rm, rs, rv) = (doubles(initial), doubles(zeros), doubles(zeros), doubles(zeros))
    for step in 1...3 {
      var s = brake_ademamix_step(
        learning_rate: 1e-2, beta1: 0.9, beta2: 0.999, beta3: 0.9999, alpha: 5, epsilon: 1e-8,
        weight_decay: 0.1,
        gradient_scale: 1, step: step)
      brake_ademamix(&w, &m, &slow, &v, g, n, &s)
      for i in 0..<n {
        let gradient = Double(g[i])
        rm[i] = 0.9 * rm[i] + 0.1 * gradient
        rs[i] = 0.9999 * rs[i] + 0.0001 * gradient
        rv[i] = 0.999 * rv[i] + 0.001 * gradient * gradient
        let (mhat, vhat) = (rm[i] / (1 - pow(0.9, Double(step))), rv[i] / (1 - pow(0.999, Double(step))))
        rw[i] -= 1e-2 * 0.1 * rw[i] + 1e-2 * (mhat + 5 * rs[i]) / (vhat.squareRoot() + 1e-8)
      }
    }
    expectClose(w, rw)
    expectClose(slow, rs)
  }

  @Test(arguments: [false, true]) func `SGD with momentum agrees with the definition`(nesterov: Bool) {
    let (initial, g, zeros) = start(75)
    var (w, buffer) = (initial, zeros)
    var (rw, rb) = (doubles(initial), doubles(zeros))
    for _ in 1...3 {
      var s = brake_sgd_step(
        learning_rate: 1e-2, momentum: 0.9, weight_decay: 0.1, gradient_scale: 2, nesterov: nesterov)
      brake_sgd(&w, &buffer, g, n, &s)
      for i in 0..<n {
        rb[i] = 0.9 * rb[i] + 2 * Double(g[i])
        rw[i] -= 1e-3 * rw[i] + 1e-2 * (nesterov ? 2 * Double(g[i]) + 0.9 * rb[i] : rb[i])
      }
    }
    expectClose(w, rw)
  }

  @Test func `Newton-Schulz steps through the kernels bring singular values near one`() {
    let (rowCount, columns) = (12, 20)
    var random = Inputs(seed: 76)
    let g = random.values(rowCount * columns)
    var (update, buffer) = (g, [Float](repeating: 0, count: g.count))
    brake_muon_momentum(&update, &buffer, g, g.count, 0.95, 1, true)
    let norm = Float(brake_sum_squares(update, g.count).squareRoot()) + 1e-7
    let x = Buffer(update.map { $0 / norm })
    let (gram, square, product) = (Buffer(zeros: 144), Buffer(zeros: 144), Buffer(zeros: g.count))
    func multiply(_ a: Buffer, _ b: Buffer, _ c: Buffer, _ n: Int, _ k: Int, transposed: Bool) {
      var p = brake_product()
      (p.m, p.n, p.k, p.batch) = (rowCount, n, k, 1)
      (p.a, p.lda, p.b, p.ldb, p.b_transposed) = (
        UnsafePointer(a.pointer), k, UnsafePointer(b.pointer), transposed ? k : n, transposed
      )
      (p.c, p.ldc) = (c.pointer, n)
      brake_matmul_tiles(&p, 0, brake_matmul_tile_count(&p))
    }
    for _ in 0..<5 {
      multiply(x, x, gram, rowCount, columns, transposed: true)
      multiply(gram, gram, square, rowCount, rowCount, transposed: false)
      brake_combine(
        gram.pointer, Float(BRAKE_NEWTON_SCHULZ_B), gram.pointer, Float(BRAKE_NEWTON_SCHULZ_C),
        square.pointer, 144)
      multiply(gram, x, product, columns, rowCount, transposed: false)
      brake_combine(x.pointer, Float(BRAKE_NEWTON_SCHULZ_A), x.pointer, 1, product.pointer, g.count)
    }
    multiply(x, x, gram, rowCount, columns, transposed: true)
    let trace = (0..<rowCount).reduce(0.0) { $0 + Double(gram.floats[$1 * rowCount + $1]) }
    #expect(trace > 0.5 * Double(rowCount) && trace < 1.3 * Double(rowCount))
    let before = update
    var w = update
    brake_muon_apply(&w, update, g.count, 0.5, 0.1, 0.2)
    expectClose(w, before.map { Double($0) * (1 - 0.05) - 0.1 * Double($0) })
  }
}
