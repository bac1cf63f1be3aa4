import CKernels
import Glibc
import Testing

@Suite struct `Positions and embeddings` {
  @Test(arguments: [(8, 10_000.0), (32, 500_000), (2, 10_000)])
  func `The rotary table is the rounded exact one`(rotary: Int, theta: Double) {
    let (length, half) = (3000, rotary / 2)
    var cosine = [Float](repeating: 0, count: length * half)
    var sine = cosine
    brake_rope_table(&cosine, &sine, length, rotary, theta, nil)
    for p in 0..<length {
      for i in 0..<half {
        let angle = Double(p) * pow(theta, -2 * Double(i) / Double(rotary))
        #expect(abs(Double(cosine[p * half + i]) - cos(angle)) < 3.1e-8)
        #expect(abs(Double(sine[p * half + i]) - sin(angle)) < 3.1e-8)
      }
    }
  }

  @Test func `Rotation turns the pairs of its part by the angle of the position, and back`() {
    var random = Inputs(seed: 51)
    let (length, heads, dim, rotary, ld) = (5, 2, 10, 6, 23)
    var cosine = [Float](repeating: 0, count: length * rotary / 2)
    var sine = cosine
    brake_rope_table(&cosine, &sine, length, rotary, 10_000, nil)
    let x = random.values(2 * length * ld)
    var y = x
    func rotate(_ rows: Range<Int>, inverse: Bool) {
      y.withUnsafeMutableBufferPointer { y in
        cosine.withUnsafeBufferPointer { cosine in
          sine.withUnsafeBufferPointer { sine in
            var rotation = brake_rotation(
              x: y.baseAddress, ldx: ld, cosine: cosine.baseAddress, sine: sine.baseAddress, length: length,
              heads: heads, head_dim: dim, rotary: rotary, inverse: inverse)
            brake_rope(&rotation, rows.lowerBound, rows.upperBound)
          }
        }
      }
    }
    rotate(0..<4, inverse: false)
    rotate(4..<2 * length, inverse: false)
    var reference = doubles(x)
    for r in 0..<(2 * length) {
      for h in 0..<heads {
        for i in 0..<(rotary / 2) {
          let angle = Double(r % length) * pow(10_000, -2 * Double(i) / Double(rotary))
          let (low, high) = (r * ld + h * dim + i, r * ld + h * dim + i + rotary / 2)
          let (a, b) = (Double(x[low]), Double(x[high]))
          reference[low] = a * cos(angle) - b * sin(angle)
          reference[high] = b * cos(angle) + a * sin(angle)
        }
      }
    }
    expectClose(y, reference)
    rotate(0..<2 * length, inverse: true)
    expectClose(y, doubles(x))
  }

  @Test func `An embedding gathers rows, and its gradient scatters them back`() {
    var random = Inputs(seed: 52)
    let (length, columns) = (3, 5)
    let tokens: [Int32] = [2, 0, 2, 3, 2, 0]
    let (table, positions) = (random.values(4 * columns), random.values(length * columns))
    let dy = random.values(tokens.count * columns)
    func embedding(_ table: [Double], _ positions: [Double]) -> [Double] {
      tokens.enumerated().flatMap { r, t in
        (0..<columns).map { table[Int(t) * columns + $0] + positions[r % length * columns + $0] }
      }
    }
    var y = dy
    brake_embedding(&y, table, positions, tokens, 0, 4, length, columns)
    brake_embedding(&y, table, positions, tokens, 4, 6, length, columns)
    expectClose(y, embedding(doubles(table), doubles(positions)))
    var dtable = [Float](repeating: 0, count: table.count)
    brake_embedding_backward(&dtable, dy, tokens, 6, columns, 0, 3)
    brake_embedding_backward(&dtable, dy, tokens, 6, columns, 3, 4)
    expectClose(dtable, gradient(of: { inner(embedding($0, doubles(positions)), dy) }, at: table))
    var dpositions = [Float](repeating: 0, count: positions.count)
    brake_position_backward(&dpositions, dy, 2, length, columns, 0, length)
    expectClose(dpositions, gradient(of: { inner(embedding(doubles(table), $0), dy) }, at: positions))
  }
}
