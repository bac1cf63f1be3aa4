/// Power laws with one break or two, as the solver of the published form has them.
struct BrokenPowerLaw: Rival {
  let breaks: Int

  /// A change of the exponent is a break if 80 % of it happen within two decades of t; if it takes longer, the exponent drifts.
  static let widest = Elementary.log(100) / (2 * Elementary.log(9))
  static let logWidths = BrokenPowerLawSolver.logWidths.lowerBound...Elementary.log(widest)

  var name: String { breaks == 1 ? "one break" : "two breaks" }
  var isOfLogarithm: Bool { true }
  var hasBreak: Bool { true }
  /// Position and log width of each.
  var searched: Int { 2 * breaks }
  var linear: Int { 2 + breaks }

  var tries: Int { breaks == 1 ? 3 : 8 }

  private static let widths = [0.15, 0.4, 0.9].map(Elementary.log)

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    let one = range.places(10).flatMap { place in BrokenPowerLaw.widths.map { [place, $0] } }
    guard breaks == 2 else { return one }
    let coarse = range.places(10).flatMap { place in BrokenPowerLaw.widths.prefix(2).map { [place, $0] } }
    return coarse.flatMap { first in coarse.filter { $0[0] > first[0] }.map { first + $0 } }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] {
    (0..<breaks).flatMap { _ in [range, BrokenPowerLaw.logWidths] }
  }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    guard holds(searched, range) else { return nil }
    let centre = (range.lowerBound + range.upperBound) / 2
    var columns = [x.map { _ in 1 }, x.map { centre - $0 }]
    for k in 0..<breaks {
      let (place, logWidth) = (searched[2 * k], searched[2 * k + 1])
      let width = Elementary.exp(logWidth)
      columns.append(x.map { -width * Elementary.softplus(($0 - place) / width) })
    }
    return columns
  }

  func breaks(_ searched: [Double]) -> [Double] { (0..<breaks).map { searched[2 * $0] }.sorted() }
}

extension BrokenPowerLaw {
  /// The exponent of each stretch.
  func rates(_ searched: [Double], _ coefficients: [Double]) -> [Double] {
    let order = (0..<breaks).sorted { searched[2 * $0] < searched[2 * $1] }
    return order.reduce(into: [coefficients[1]]) { rates, k in
      rates.append(rates[rates.count - 1] + coefficients[2 + k])
    }
  }
}
