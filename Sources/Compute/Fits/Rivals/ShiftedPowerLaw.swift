/// L = E + A (t + s)^-a: as a power law with limit, counted from another step.
struct ShiftedPowerLaw: Rival {
  var name: String { "power law with limit from another step" }
  var isOfLogarithm: Bool { false }
  var hasBreak: Bool { false }
  var searched: Int { 2 }
  var linear: Int { 2 }

  /// The exponent and log(s + t_1), t_1 being the first step: s may be negative.
  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    let places = [-2, -0.7, 1, 3.0].map { range.lowerBound + $0 }
    return [0.1, 0.3, 0.8].flatMap { a in places.map { [a, $0] } }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] {
    [1e-3...20, range.lowerBound - 6...range.upperBound]
  }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    let (a, place) = (searched[0], searched[1])
    let first = range.lowerBound
    guard holds(searched, range) else { return nil }
    let shift = Elementary.exp(place - first)
    // (t + s) / (t_1 + s), in units of t_1.
    return [
      x.map { _ in 1 },
      x.map { Elementary.exp(-a * Elementary.log((Elementary.exp($0 - first) - 1 + shift) / shift)) },
    ]
  }
}
