/// L = E + A t^-a.
struct PowerLawWithLimit: Rival {
  var name: String { "power law with limit" }
  var isOfLogarithm: Bool { false }
  var hasBreak: Bool { false }
  var searched: Int { 1 }
  var linear: Int { 2 }

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    [0.05, 0.1, 0.2, 0.35, 0.6, 1, 1.6].map { [$0] }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] { [1e-3...20] }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    guard holds(searched, range) else { return nil }
    let first = range.lowerBound
    return [x.map { _ in 1 }, x.map { Elementary.exp(-searched[0] * ($0 - first)) }]
  }
}
