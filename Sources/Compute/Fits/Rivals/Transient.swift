/// What is left of a start that is forgotten at a steady rate, as of a warm-up: a smooth law and C exp(-t / w).
struct Transient: Rival {
  /// The smooth law is a power law with limit, and the transient is added to L; else a parabola in log-log, and log L.
  let hasLimit: Bool

  var name: String {
    hasLimit ? "power law with limit and a transient" : "quadratic in log-log and a transient"
  }
  var isOfLogarithm: Bool { !hasLimit }
  var hasBreak: Bool { false }
  /// log w, and the exponent.
  var searched: Int { hasLimit ? 2 : 1 }
  var linear: Int { hasLimit ? 3 : 4 }

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    let places = range.places(8)
    return hasLimit ? places.flatMap { place in [0.1, 0.3, 0.8].map { [place, $0] } } : places.map { [$0] }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] {
    let place = range.lowerBound - 2...range.upperBound
    return hasLimit ? [place, 1e-3...20] : [place]
  }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    let first = range.lowerBound
    guard holds(searched, range) else { return nil }
    let transient = x.map { Elementary.exp(-min(Elementary.exp($0 - searched[0]), 700)) }
    guard hasLimit else {
      return (SmoothCurvature(degree: 2).columns(x, [], range) ?? []) + [transient]
    }
    return [x.map { _ in 1 }, x.map { Elementary.exp(-searched[1] * ($0 - first)) }, transient]
  }
}
