/// Sums whose order is fixed, so that they have the same bits on every machine.
enum Sums {
  /// Four running sums over the places modulo four, added as (0 + 2) + (1 + 3). Vectors are multiplied as they are.
  @inline(__always) static func lanes(_ count: Int, _ term: (Int) -> Double) -> Double {
    var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
    var index = 0
    while index &+ 4 <= count {
      a += term(index)
      b += term(index &+ 1)
      c += term(index &+ 2)
      d += term(index &+ 3)
      index &+= 4
    }
    if index < count { a += term(index) }
    if index &+ 1 < count { b += term(index &+ 1) }
    if index &+ 2 < count { c += term(index &+ 2) }
    return (a + c) + (b + d)
  }

  static func dot(_ a: [Double], _ b: [Double]) -> Double {
    precondition(a.count == b.count)
    return a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        lanes(a.count) { a.baseAddress.unsafelyUnwrapped[$0] * b.baseAddress.unsafelyUnwrapped[$0] }
      }
    }
  }

  static func sum(_ a: [Double]) -> Double {
    a.withUnsafeBufferPointer { a in lanes(a.count) { a.baseAddress.unsafelyUnwrapped[$0] } }
  }

  static func mean(_ a: [Double]) -> Double { sum(a) / Double(a.count) }

  /// a -= factor b
  static func subtract(_ factor: Double, _ b: [Double], from a: inout [Double]) {
    precondition(a.count == b.count)
    b.withUnsafeBufferPointer { b in
      a.withUnsafeMutableBufferPointer { a in
        guard let target = a.baseAddress, let source = b.baseAddress else { return }
        for index in 0..<a.count { target[index] -= factor * source[index] }
      }
    }
  }

  static func scale(_ a: inout [Double], by factor: Double) {
    a.withUnsafeMutableBufferPointer { for index in $0.indices { $0[index] *= factor } }
  }

  static func shift(_ a: inout [Double], by term: Double) {
    a.withUnsafeMutableBufferPointer { for index in $0.indices { $0[index] += term } }
  }
}

/// A sum kept as the unevaluated sum of two doubles, about 32 digits (Dekker, Knuth).
struct DoubleDouble {
  private(set) var high = 0.0
  private(set) var low = 0.0

  mutating func add(_ x: Double) {
    let sum = high + x
    let part = sum - high
    let error = (high - (sum - part)) + (x - part)
    let corrected = low + error
    high = sum + corrected
    low = corrected - (high - sum)
  }

  static func - (a: DoubleDouble, b: DoubleDouble) -> Double { (a.high - b.high) + (a.low - b.low) }
}

/// The mean over the indices from floor(j / base) to j, for every j ([ZSL]: a window that has one width in log j).
/// Linear in the number of losses; prefix sums in double the precision, so that their differences keep all digits.
func logMovingAverage(_ losses: [Double], base: Double) throws -> [Double] {
  var prefix: [DoubleDouble] = [DoubleDouble()]
  prefix.reserveCapacity(losses.count + 1)
  var sum = DoubleDouble()
  for loss in losses {
    sum.add(loss)
    prefix.append(sum)
  }
  try Task.checkCancellation()
  return losses.indices.map { j in
    let first = Int(Double(j) / base)
    return (prefix[j + 1] - prefix[first]) / Double(j + 1 - first)
  }
}
