import CKernels
import Glibc
import Testing

@Suite struct `Elementary functions` {
  typealias Kernel = (UnsafeMutablePointer<Float>?, UnsafePointer<Float>?, Int) -> Void

  /// The largest error in units of the last place of the exact value, over evenly spaced points.
  private func worstError(_ kernel: Kernel, _ exact: (Double) -> Double, _ range: ClosedRange<Float>)
    -> Double
  {
    let count = 20_000
    let step = (range.upperBound - range.lowerBound) / Float(count - 1)
    let x = (0..<count).map { range.lowerBound + Float($0) * step }
    var y = x
    kernel(&y, x, count)
    return zip(x, y).reduce(0) { worst, pair in
      let reference = exact(Double(pair.0))
      return max(worst, abs(Double(pair.1) - reference) / Double(Float(reference).ulp))
    }
  }

  @Test func `Errors stay below the stated units of the last place`() {
    #expect(worstError(brake_exp, exp, -103...88.7) < 1.01)
    #expect(worstError(brake_exp, exp, -1...1) < 1.01)
    #expect(worstError(brake_log, log, 0.5...2) < 0.8)
    #expect(worstError(brake_log, log, 1...1e30) < 0.8)
    #expect(worstError(brake_log, log, .leastNonzeroMagnitude...0x1p-126) < 0.8)
    #expect(worstError(brake_tanh, tanh, -1...1) < 1.5)
    #expect(worstError(brake_tanh, tanh, -10...10) < 1.5)
    #expect(worstError(brake_erf, erf, -1...1) < 1.5)
    #expect(worstError(brake_erf, erf, -4.5...4.5) < 1.5)
    #expect(worstError(brake_sigmoid, { 1 / (1 + exp(-$0)) }, -80...20) < 2.5)
  }

  @Test func `Special values are those of the mathematical limits`() {
    let x: [Float] = [0, -0.0, .infinity, -.infinity, .nan, 200, -200, 3e38, -3e38, 0x1p-140]
    func values(_ kernel: Kernel) -> [Float] {
      var y = x
      kernel(&y, x, x.count)
      return y
    }
    func same(_ a: [Float], _ b: [Float]) -> Bool {
      zip(a, b).allSatisfy { ($0.isNaN && $1.isNaN) || ($0 == $1 && $0.sign == $1.sign) }
    }
    #expect(same(values(brake_exp), [1, 1, .infinity, 0, .nan, .infinity, 0, .infinity, 0, 1]))
    let logs = values(brake_log)
    #expect(same(Array(logs[..<5]), [-.infinity, -.infinity, .infinity, .nan, .nan]))
    #expect(abs(logs[9] + 140 * 0.693_147_2) < 1e-4 && logs[6].isNaN && logs[8].isNaN)
    #expect(same(Array(values(brake_tanh)[..<9]), [0, -0.0, 1, -1, .nan, 1, -1, 1, -1]))
    #expect(same(Array(values(brake_erf)[..<9]), [0, -0.0, 1, -1, .nan, 1, -1, 1, -1]))
    #expect(same(Array(values(brake_sigmoid)[..<9]), [0.5, 0.5, 1, 0, .nan, 1, 0, 1, 0]))
  }

  @Test func `Every length is written to its end and not beyond`() {
    for count in 0..<50 {
      let x = [Float](repeating: 0, count: count + 16)
      var y = [Float](repeating: 7, count: count + 16)
      brake_exp(&y, x, count)
      #expect(y == [Float](repeating: 1, count: count) + [Float](repeating: 7, count: 16))
    }
  }
}
