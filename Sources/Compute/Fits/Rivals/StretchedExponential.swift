/// L = E + A exp(-(t / tau)^beta).
struct StretchedExponential: Rival {
  var name: String { "stretched exponential with limit" }
  var isOfLogarithm: Bool { false }
  var hasBreak: Bool { false }
  var searched: Int { 2 }
  var linear: Int { 2 }

  func starts(_ range: ClosedRange<Double>) -> [[Double]] {
    [0.1, 0.25, 0.5, 0.9].flatMap { beta in range.places(6).map { [beta, $0] } }
  }

  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>] {
    [0.01...5, range.lowerBound - 30...range.upperBound + 5]
  }

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    let (beta, place) = (searched[0], searched[1])
    guard holds(searched, range) else {
      return nil
    }
    let first = Elementary.exp(beta * (range.lowerBound - place))
    return [
      x.map { _ in 1 },
      x.map { Elementary.exp(first - Elementary.exp(min(beta * ($0 - place), 700))) },
    ]
  }
}
