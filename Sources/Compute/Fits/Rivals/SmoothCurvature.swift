/// log L as a polynomial in log t: a power law for degree 1, and for more a slope that changes all along.
struct SmoothCurvature: Rival {
  let degree: Int

  var name: String {
    switch degree {
    case 1: "power law"
    case 2: "quadratic in log-log"
    default: "polynomial of degree \(degree) in log-log"
    }
  }
  var isOfLogarithm: Bool { true }
  var hasBreak: Bool { false }
  var searched: Int { 0 }
  var linear: Int { degree + 1 }

  func starts(_ range: ClosedRange<Double>) -> [[Double]] { [[]] }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] { [] }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    let centre = (range.lowerBound + range.upperBound) / 2
    let scale = (range.upperBound - range.lowerBound) / 2
    return (0...degree).map { power in x.map { Elementary.power(($0 - centre) / scale, power) } }
  }
}
