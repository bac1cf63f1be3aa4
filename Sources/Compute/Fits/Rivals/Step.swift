/// A power law and a step down or up, as where a learning rate changes once.
struct Step: Rival {
  var name: String { "power law and a step" }
  var isOfLogarithm: Bool { true }
  var hasBreak: Bool { false }
  /// Where, in log t, and log of how wide.
  var searched: Int { 2 }
  var linear: Int { 3 }

  /// 80 % of a step happen within a decade of t; more slowly it would be a change of the exponent.
  static let logWidths = -7...Elementary.log(Elementary.log(10) / (2 * Elementary.log(9)))

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    range.places(12).flatMap { place in [0.05, 0.3].map { [place, Elementary.log($0)] } }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] { [range, Step.logWidths] }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    guard holds(searched, range),
      let smooth = SmoothCurvature(degree: 1).columns(x, [], range)
    else { return nil }
    let width = Elementary.exp(searched[1])
    return smooth + [x.map { 1 / (1 + Elementary.exp(-min(max(($0 - searched[0]) / width, -700), 700))) }]
  }
}
