import CKernels
import Testing

@Suite struct `Normalisation` {
  static let epsilon = 1e-5

  private func rmsnorm(_ x: [Double], _ w: [Double]?, fromOne: Bool, _ columns: Int) -> [Double] {
    rows(x, of: columns).flatMap { row in
      let rstd = 1 / (mean(row.map { $0 * $0 }) + Self.epsilon).squareRoot()
      return row.enumerated().map { $1 * rstd * ((w?[$0] ?? 1) + (fromOne ? 1 : 0)) }
    }
  }

  private func layernorm(_ x: [Double], _ w: [Double]?, _ b: [Double]?, _ columns: Int) -> [Double] {
    rows(x, of: columns).flatMap { row in
      let centre = mean(row)
      let rstd = 1 / (mean(row.map { ($0 - centre) * ($0 - centre) }) + Self.epsilon).squareRoot()
      return row.enumerated().map { ($1 - centre) * rstd * (w?[$0] ?? 1) + (b?[$0] ?? 0) }
    }
  }

  @Test(arguments: [5, 16, 37], [(false, false), (true, false), (true, true)])
  func `RMSNorm and its gradients agree with the definition`(columns: Int, form: (Bool, Bool)) {
    let (weighted, fromOne) = form
    var random = Inputs(seed: 31)
    let n = 3 * columns
    let (x, dy, old) = (random.values(n), random.values(n), random.values(n))
    let w = weighted ? random.values(columns) : nil
    var (y, rstd, dx) = (x, [Float](repeating: 0, count: 3), old)
    withOptional(w) { w in
      brake_rmsnorm(&y, &rstd, x, w, fromOne, 3, columns, Float(Self.epsilon))
      brake_rmsnorm_backward(&dx, dy, x, w, fromOne, rstd, 3, columns, weighted)
    }
    expectClose(y, rmsnorm(doubles(x), w.map(doubles), fromOne: fromOne, columns))
    let slope = gradient(of: { inner(rmsnorm($0, w.map(doubles), fromOne: fromOne, columns), dy) }, at: x)
    expectClose(dx, weighted ? zip(slope, old).map { $0 + Double($1) } : slope)
    if let w {
      var dw = [Float](repeating: 1, count: columns)
      brake_rmsnorm_backward_weight(&dw, dy, x, rstd, 3, columns, 0, 3)
      brake_rmsnorm_backward_weight(&dw, dy, x, rstd, 3, columns, 3, columns)
      let slopes = gradient(of: { inner(rmsnorm(doubles(x), $0, fromOne: fromOne, columns), dy) }, at: w)
      expectClose(dw, slopes.map { $0 + 1 })
    }
  }

  @Test(arguments: [5, 16, 37], [false, true])
  func `LayerNorm and its gradients agree with the definition`(columns: Int, weighted: Bool) {
    var random = Inputs(seed: 32)
    let n = 3 * columns
    let (x, dy, old) = (random.values(n), random.values(n), random.values(n))
    let w = weighted ? random.values(columns) : nil
    let b = weighted ? random.values(columns) : nil
    var (y, centre, rstd, dx) = (x, [Float](repeating: 0, count: 3), [Float](repeating: 0, count: 3), old)
    withOptional(w) { w in
      withOptional(b) { b in
        brake_layernorm(&y, &centre, &rstd, x, w, b, 3, columns, Float(Self.epsilon))
        brake_layernorm_backward(&dx, dy, x, w, centre, rstd, 3, columns, weighted)
      }
    }
    expectClose(y, layernorm(doubles(x), w.map(doubles), b.map(doubles), columns))
    let slope = gradient(of: { inner(layernorm($0, w.map(doubles), nil, columns), dy) }, at: x)
    expectClose(dx, weighted ? zip(slope, old).map { $0 + Double($1) } : slope)
    if let w, let b {
      var dw = [Float](repeating: 1, count: columns)
      var db = dw
      brake_layernorm_backward_weight(&dw, &db, dy, x, centre, rstd, 3, columns, 0, columns)
      let dwReference = gradient(of: { inner(layernorm(doubles(x), $0, doubles(b), columns), dy) }, at: w)
      let dbReference = gradient(of: { inner(layernorm(doubles(x), doubles(w), $0, columns), dy) }, at: b)
      expectClose(dw, dwReference.map { $0 + 1 })
      expectClose(db, dbReference.map { $0 + 1 })
    }
  }

  private func withOptional(_ values: [Float]?, _ body: (UnsafePointer<Float>?) -> Void) {
    if let values { values.withUnsafeBufferPointer { body($0.baseAddress) } } else { body(nil) }
  }
}
