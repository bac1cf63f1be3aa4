internal import CKernels

/// How many threads a computation may use. Work is cut in pieces that do not depend on it, and neither does any bit of
/// the result.
public struct Threads: Sendable, Hashable {
  public let count: Int
  /// Below this many floating-point operations, sharing them costs more than it saves.
  private let leastWork: Int
  /// Values in a piece of rows, roughly.
  private let valuesOfPiece: Int

  /// - Parameter count: at least 1.
  public init(_ count: Int) { self.init(count, leastWork: 100_000, valuesOfPiece: 16_384) }

  /// With less work to share and smaller pieces than pay, for tests.
  init(_ count: Int, leastWork: Int, valuesOfPiece: Int) {
    self.count = max(1, count)
    self.leastWork = leastWork
    self.valuesOfPiece = valuesOfPiece
  }

  /// Computes the pieces 0..<pieces, in any order and at the same time where that pays.
  /// - Parameters:
  ///   - work: floating-point operations in all, roughly.
  ///   - body: computes the pieces first..<last.
  func run(_ pieces: Int, work: Int, _ body: (_ first: Int, _ last: Int) -> Void) {
    let workers = min(count, pieces, work / leastWork + 1)
    if workers > 1 {
      Crew.shared.run(pieces, helpers: workers - 1, body)
    } else {
      body(0, pieces)
    }
  }

  /// Cuts 0..<count in ranges of `grain`, the last one perhaps shorter.
  func ranges(_ count: Int, grain: Int, work: Int, _ body: (Range<Int>) -> Void) {
    run((count + grain - 1) / grain, work: work) { first, last in
      body(first * grain..<min(last * grain, count))
    }
  }

  /// Cuts rows of `columns` values in ranges of some thousand values each.
  func rows(_ rows: Int, columns: Int, cost: Int = 8, _ body: (Range<Int>) -> Void) {
    ranges(rows, grain: max(1, valuesOfPiece / columns), work: cost * rows * columns, body)
  }

  /// Computes a matrix product.
  func product(_ product: brake_product) {
    withUnsafePointer(to: product) { product in
      let p = product.pointee
      run(brake_matmul_tile_count(product), work: 2 * p.m * p.n * p.k * p.batch) { first, last in
        brake_matmul_tiles(product, first, last)
      }
    }
  }
}
