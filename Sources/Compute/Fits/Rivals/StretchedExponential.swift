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

  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]? {
    let (beta, place) = (searched[0], searched[1])
    guard (0.01...5).contains(beta), place > range.lowerBound - 30, place < range.upperBound + 5 else {
      return nil
    }
    let first = Elementary.exp(beta * (range.lowerBound - place))
    return [
      x.map { _ in 1 },
      x.map { Elementary.exp(first - Elementary.exp(min(beta * ($0 - place), 700))) },
    ]
  }
}
