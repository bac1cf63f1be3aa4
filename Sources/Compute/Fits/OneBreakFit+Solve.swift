extension BrokenPowerLawSolver.Solution {
  /// A solution with one break, in the units of the published table.
  var oneBreak: OneBreak {
    OneBreak(
      b: Elementary.exp(intercept), c0: c0, c1: changes[0], logD1: breaks[0].position,
      f1: Elementary.exp(breaks[0].logWidth))
  }

  /// Some break stands at the edge of where one is looked for.
  func isAtBound(_ positions: ClosedRange<Double>) -> Bool {
    let widths = BrokenPowerLawSolver.logWidths
    return breaks.contains {
      $0.position <= positions.lowerBound || $0.position >= positions.upperBound
        || $0.logWidth <= widths.lowerBound || $0.logWidth >= widths.upperBound
    }
  }

  /// Whether two searches ended at the same place, on points whose logarithms spread over `total` (a sum of squares).
  func isSame(as other: Self, total: Double) -> Bool {
    sse - other.sse <= 1e-7 * other.sse + 1e-12 * total
      && zip(breaks, other.breaks).allSatisfy { ($0.position - $1.position).magnitude < 1e-3 }
  }
}

extension BrokenPowerLawSolver {
  /// Starts spread over the range of log t and, alternately, five widths of the break.
  func starts(_ count: Int) -> [Break] {
    let widths = [0.1, 0.2, 0.4, 0.8, 1.6].map(Elementary.log)
    let places = (count + widths.count - 1) / widths.count
    let (first, last) = (x[0], x[x.count - 1])
    return (0..<count).map { index in
      let place = (Double(index / widths.count) + 0.5) / Double(places)
      return Break(position: first + place * (last - first), logWidth: widths[index % widths.count])
    }
  }

  /// The best one-break solution over many starts, and how many of them end there.
  mutating func bestOfStarts(_ count: Int) throws -> (best: Solution, reached: Int)? {
    var found: [Solution] = []
    for start in starts(count) {
      try Task.checkCancellation()
      if let solution = solve(from: [start], tolerance: 1e-5) { found.append(solution) }
    }
    guard let rough = found.min(by: { $0.sse < $1.sse }) else { return nil }
    let best = solve(from: rough.breaks) ?? rough
    return (best, found.count { $0.isSame(as: best, total: powerLawSSE) })
  }
}
