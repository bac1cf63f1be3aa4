/// L = E + A t^-a and a step, as where a learning rate changes once, behind the first fiftieth of the run: earlier it has hardly been
/// up.
struct LimitAndStep: Rival {
  var name: String { "power law with limit and a step" }
  var isOfLogarithm: Bool { false }
  var hasBreak: Bool { false }
  /// The exponent, where the step is, in log t, and log of how wide.
  var searched: Int { 3 }
  var linear: Int { 3 }

  private static let earliest = Elementary.log(50)

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    let places = bounds(range)[1].places(6)
    return [0.1, 0.3, 0.8].flatMap { a in
      places.flatMap { place in [0.05, 0.3].map { [a, place, Elementary.log($0)] } }
    }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] {
    let first = max(range.lowerBound, range.upperBound - LimitAndStep.earliest)
    return [1e-3...20, first...range.upperBound, Step.logWidths]
  }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    guard holds(searched, range), let limited = PowerLawWithLimit().columns(x, [searched[0]], range),
      let step = Step().columns(x, [searched[1], searched[2]], range)?.last
    else { return nil }
    return limited + [step]
  }
}
