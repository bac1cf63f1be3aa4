import CKernels
import Testing

@Suite struct `Flat arrays` {
  @Test func `Elementwise operations are what they say`() {
    var random = Inputs(seed: 11)
    let (a, b) = (random.values(37), random.values(37))
    var y = a
    brake_add(&y, a, b, 37)
    #expect(y == zip(a, b).map { $0 + $1 })
    brake_multiply(&y, a, b, 37)
    #expect(y == zip(a, b).map { $0 * $1 })
    brake_scale(&y, 1.3, a, 37)
    #expect(y == a.map { 1.3 * $0 })
    brake_combine(&y, 1.3, a, -0.7, b, 37)
    #expect(y == zip(a, b).map { (-0.7 * $1).addingProduct(1.3, $0) })
  }

  @Test func `Sums are exact to float64`() {
    var random = Inputs(seed: 12)
    let (a, b) = (random.values(1001), random.values(1001))
    #expect(abs(brake_sum(a, 1001) - doubles(a).reduce(0, +)) < 1e-11)
    #expect(abs(brake_dot(a, b, 1001) - inner(doubles(a), b)) < 1e-11)
    #expect(abs(brake_sum_squares(a, 1001) - inner(doubles(a), a)) < 1e-11)
  }

  @Test func `Column sums over any ranges add up to the sums over rows`() {
    var random = Inputs(seed: 13)
    let x = random.values(600 * 23)
    var sums = [Float](repeating: 1, count: 20)
    brake_column_sums(&sums, x, 23, 600, 0, 7, true)
    brake_column_sums(&sums, x, 23, 600, 7, 20, false)
    let reference = (0..<20).map { j in
      (0..<600).reduce(j < 7 ? 1.0 : 0) { $0 + Double(x[$1 * 23 + j]) }
    }
    expectClose(sums, reference)
  }
}
