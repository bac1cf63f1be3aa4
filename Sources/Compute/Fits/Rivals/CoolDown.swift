/// L = E + A t^-a less a drop in proportion to the steps of a cool-down, from its first to the last: a power law with limit, and a
/// learning rate that goes down to the end of the run.
struct CoolDown: Rival {
  var name: String { "power law with limit and a cool-down" }
  var isOfLogarithm: Bool { false }
  var hasBreak: Bool { false }
  /// The exponent, and where the cool-down begins, in log t.
  var searched: Int { 2 }
  var linear: Int { 3 }

  /// Between a tenth and nine tenths of the run.
  private static let starts = [0.1, 0.9].map(Elementary.log)

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    [0.1, 0.3, 0.8].flatMap { a in
      [0.2, 0.5, 0.8].map { [a, range.upperBound + Elementary.log($0)] }
    }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] {
    [1e-3...20, range.upperBound + CoolDown.starts[0]...range.upperBound + CoolDown.starts[1]]
  }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    guard holds(searched, range), let limited = PowerLawWithLimit().columns(x, [searched[0]], range) else {
      return nil
    }
    return limited + [
      x.map { max(0, Elementary.exp($0 - range.upperBound) - Elementary.exp(searched[1] - range.upperBound)) }
    ]
  }
}
