import CKernels
import Glibc
import Testing

@Suite struct `Activations` {
  @Test func `SwiGLU and its gradients agree with the definition, side by side and in place`() {
    var random = Inputs(seed: 41)
    let (rowCount, columns) = (3, 21)
    let x = random.values(rowCount * 2 * columns, scale: 4)
    let dy = random.values(rowCount * columns)
    func swiglu(_ x: [Double]) -> [Double] {
      rows(x, of: 2 * columns).flatMap { row in
        (0..<columns).map { row[$0] / (1 + exp(-row[$0])) * row[columns + $0] }
      }
    }
    var (y, dx) = (dy, x)
    x.withUnsafeBufferPointer { x in
      guard let gate = x.baseAddress else { return }
      brake_swiglu(&y, columns, gate, gate + columns, 2 * columns, rowCount, columns)
    }
    dx.withUnsafeMutableBufferPointer { dx in
      guard let gate = dx.baseAddress else { return }
      brake_swiglu_backward(
        gate, gate + columns, 2 * columns, dy, columns, gate, gate + columns, 2 * columns, rowCount, columns)
    }
    expectClose(y, swiglu(doubles(x)))
    expectClose(dx, gradient(of: { inner(swiglu($0), dy) }, at: x))
  }

  @Test func `Gates of GELU and their gradients agree with the definition, side by side and in place`() {
    var random = Inputs(seed: 43)
    let (rowCount, columns) = (3, 21)
    let x = random.values(rowCount * 2 * columns, scale: 4)
    let dy = random.values(rowCount * columns)
    func gelu(_ x: Double) -> Double {
      0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }
    func geglu(_ x: [Double]) -> [Double] {
      rows(x, of: 2 * columns).flatMap { row in (0..<columns).map { gelu(row[$0]) * row[columns + $0] } }
    }
    var (y, dx) = (dy, x)
    x.withUnsafeBufferPointer { x in
      guard let gate = x.baseAddress else { return }
      brake_geglu_tanh(&y, columns, gate, gate + columns, 2 * columns, rowCount, columns)
    }
    dx.withUnsafeMutableBufferPointer { dx in
      guard let gate = dx.baseAddress else { return }
      brake_geglu_tanh_backward(
        gate, gate + columns, 2 * columns, dy, columns, gate, gate + columns, 2 * columns, rowCount, columns)
    }
    expectClose(y, geglu(doubles(x)))
    expectClose(dx, gradient(of: { inner(geglu($0), dy) }, at: x))
  }

  @Test func `Both forms of GELU and their gradients agree with the definition`() {
    var random = Inputs(seed: 42)
    let (x, dy) = (random.values(100, scale: 4), random.values(100))
    func geluErf(_ x: [Double]) -> [Double] { x.map { 0.5 * $0 * (1 + erf($0 * 0.5.squareRoot())) } }
    func geluTanh(_ x: [Double]) -> [Double] {
      x.map { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
    }
    var (y, dx) = (x, x)
    brake_gelu_erf(&y, x, 100)
    brake_gelu_erf_backward(&dx, dy, x, 100)
    expectClose(y, geluErf(doubles(x)))
    expectClose(dx, gradient(of: { inner(geluErf($0), dy) }, at: x))
    brake_gelu_tanh(&y, x, 100)
    brake_gelu_tanh_backward(&dx, dy, x, 100)
    expectClose(y, geluTanh(doubles(x)))
    expectClose(dx, gradient(of: { inner(geluTanh($0), dy) }, at: x))
  }
}
