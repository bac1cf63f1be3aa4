import CKernels
import Glibc
import Testing

@Suite struct `Softmax and cross-entropy` {
  private func softmax(_ x: [Double]) -> [Double] {
    let greatest = x.max() ?? 0
    let e = x.map { exp($0 - greatest) }
    let sum = e.reduce(0, +)
    return e.map { $0 / sum }
  }

  @Test(arguments: [1, 15, 16, 33, 5000]) func `Softmax agrees with its definition`(_ columns: Int) {
    var random = Inputs(seed: 21)
    let x = random.values(3 * columns, scale: 8)
    var y = x
    brake_softmax(&y, x, 3, columns)
    expectClose(y, rows(doubles(x), of: columns).flatMap(softmax))
  }

  @Test func `The gradient of softmax is that of its definition`() {
    var random = Inputs(seed: 22)
    let (x, dy) = (random.values(2 * 19, scale: 2), random.values(2 * 19))
    var y = x
    brake_softmax(&y, x, 2, 19)
    var dx = dy
    brake_softmax_backward(&dx, dy, y, 2, 19)
    expectClose(dx, gradient(of: { inner(rows($0, of: 19).flatMap(softmax), dy) }, at: x))
  }

  @Test func `Losses and their gradient are those of the definition, and ignored targets count nothing`() {
    var random = Inputs(seed: 23)
    let columns = 37
    let x = random.values(4 * columns, scale: 4)
    let targets: [Int32] = [0, 36, -100, 17]
    func losses(_ x: [Double]) -> [Double] {
      zip(rows(x, of: columns), targets).map { $1 < 0 ? 0 : -log(softmax($0)[Int($1)]) }
    }
    var found = [Float](repeating: 7, count: 4)
    brake_cross_entropy(&found, x, targets, 4, columns)
    expectClose(found, losses(doubles(x)))
    var dx = x
    var again = found
    brake_cross_entropy_gradient(&again, &dx, targets, 0.25, 4, columns)
    #expect(again == found)
    expectClose(dx, gradient(of: { losses($0).reduce(0, +) / 4 }, at: x))
    #expect(dx[(2 * columns)..<(3 * columns)].allSatisfy { $0 == 0 })
  }
}
