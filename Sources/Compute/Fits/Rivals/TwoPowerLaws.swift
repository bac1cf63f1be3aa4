/// L = A t^-a + B t^-b: two terms, of which the slower is all that is left in the end. With b = 0 it is a power law with limit.
struct TwoPowerLaws: Rival {
  var name: String { "sum of two power laws" }
  var isOfLogarithm: Bool { false }
  var hasBreak: Bool { false }
  var searched: Int { 2 }
  var linear: Int { 2 }

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    [[0.02, 0.2], [0.05, 0.5], [0.05, 1], [0.1, 0.3], [0.2, 1], [0.02, 2], [0.1, 3]]
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] { [0...20, 0...20] }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    let (slow, fast) = (searched[0], searched[1])
    guard holds(searched, range), fast > slow + 1e-3 else { return nil }
    let first = range.lowerBound
    return [slow, fast].map { a in x.map { Elementary.exp(-a * ($0 - first)) } }
  }
}
