/// log L whose slope in log t goes over from one value to another as slowly as no break does: a power law with an exponent that
/// drifts, over more than two decades of t.
struct DriftingPowerLaw: Rival {
  var name: String { "power law with an exponent that drifts" }
  var isOfLogarithm: Bool { true }
  var hasBreak: Bool { false }
  /// Where, in log t, and log of how wide.
  var searched: Int { 2 }
  var linear: Int { 3 }

  private static let logWidths = Elementary.log(BrokenPowerLaw.widest)...Elementary.log(20)

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    range.places(6).flatMap { place in [1.2, 2, 4].map { [place, Elementary.log($0)] } }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] {
    [range, DriftingPowerLaw.logWidths]
  }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    let (place, logWidth) = (searched[0], searched[1])
    guard holds(searched, range),
      let smooth = SmoothCurvature(degree: 1).columns(x, [], range)
    else { return nil }
    let width = Elementary.exp(logWidth)
    return smooth + [x.map { -width * Elementary.softplus(($0 - place) / width) }]
  }
}
