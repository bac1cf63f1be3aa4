/// L = E + A tau^-a, where tau is the sum of the learning rates up to t over their peak: t^2 / 2w during a linear warm-up of w
/// steps, t - w / 2 behind it. The slope falls to half at the end of the warm-up, without any deceleration.
struct WarmedUpPowerLaw: Rival {
  var name: String { "power law with limit behind a warm-up" }
  var isOfLogarithm: Bool { false }
  var hasBreak: Bool { false }
  var searched: Int { 2 }
  var linear: Int { 2 }

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    [0.1, 0.3, 0.8].flatMap { a in range.places(6).map { [a, $0] } }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] {
    [1e-3...20, range.lowerBound - 1...range.upperBound]
  }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    let (a, place) = (searched[0], searched[1])
    guard holds(searched, range) else { return nil }
    return [
      x.map { _ in 1 },
      x.map { x in
        let t = Elementary.exp(min(x - place, 700))
        return Elementary.exp(-a * (t < 1 ? 2 * (x - place) : Elementary.log(2 * t - 1)))
      },
    ]
  }
}
