import Testing

/// Independent float64 versions of the kernels, written from their definitions with no regard for speed.

func doubles(_ x: [Float]) -> [Double] { x.map(Double.init) }

/// The gradient of `f` at `x` by central differences of fourth order.
func gradient(of f: ([Double]) -> Double, at x: [Float]) -> [Double] {
  var point = doubles(x)
  let h = 1e-3
  return point.indices.map { i in
    let centre = point[i]
    func value(_ offset: Double) -> Double {
      point[i] = centre + offset
      return f(point)
    }
    let slope = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
    point[i] = centre
    return slope
  }
}

/// Relative distance in the Euclidean norm.
func distance(_ x: [Float], _ reference: [Double]) -> Double {
  precondition(x.count == reference.count)
  var difference = 0.0
  var norm = 0.0
  for (a, b) in zip(x, reference) {
    difference += (Double(a) - b) * (Double(a) - b)
    norm += b * b
  }
  return (difference / max(norm, .leastNormalMagnitude)).squareRoot()
}

func expectClose(
  _ x: [Float], _ reference: [Double], within tolerance: Double = 1e-6,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let d = distance(x, reference)
  #expect(d < tolerance, sourceLocation: sourceLocation)
}

func inner(_ a: [Double], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * Double($1.1) } }

func rows(_ x: [Double], of columns: Int) -> [[Double]] {
  stride(from: 0, to: x.count, by: columns).map { Array(x[$0..<$0 + columns]) }
}

func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }
