/// L = E + b t^-c0 (1 + (t / d1)^(1 / f1))^(-c1 f1).
struct OneBreakWithLimit: Rival {
  var name: String { "one break with limit" }
  var isOfLogarithm: Bool { false }
  var hasBreak: Bool { true }
  /// c0, c1, log d1, log f1
  var searched: Int { 4 }
  var linear: Int { 2 }

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    range.places(5).flatMap { place in
      [0.2, 0.7].flatMap { width in [0.15, 0.4].map { [$0, -0.7 * $0, place, Elementary.log(width)] } }
    }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] {
    [-20...20, -20...20, range, BrokenPowerLaw.logWidths]
  }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    let (c0, c1, place, logWidth) = (searched[0], searched[1], searched[2], searched[3])
    guard holds(searched, range) else { return nil }
    let width = Elementary.exp(logWidth)
    let first = range.lowerBound
    return [
      x.map { _ in 1 },
      x.map { x in
        Elementary.exp(-c0 * (x - first) - c1 * width * Elementary.softplus((x - place) / width))
      },
    ]
  }

  func breaks(_ searched: [Double]) -> [Double] { [searched[2]] }
}
