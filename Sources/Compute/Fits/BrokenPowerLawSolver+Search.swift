extension BrokenPowerLawSolver {
  /// The search from one start. Ends when a step no longer moves any parameter by more than `tolerance`, or no
  /// step makes the sum of squares smaller.
  ///
  /// - Returns: nil where the start itself has no linear solution.
  mutating func solve(from start: [Break], tolerance: Double = 1e-10, limit: Int = 200) -> Solution? {
    var breaks = start.map(clamped)
    guard var current = evaluate(breaks) else { return nil }
    var damping = 1e-3
    var iterations = 0
    var converged = false
    while iterations < limit, !converged {
      iterations += 1
      guard let step = step(current, breaks, damping) else {
        damping *= 10
        converged = damping > 1e12
        continue
      }
      let moved = zip(breaks, step).map {
        clamped(Break(position: $0.position + $1.position, logWidth: $0.logWidth + $1.logWidth))
      }
      let distance = zip(breaks, moved).reduce(0.0) {
        max($0, ($1.0.position - $1.1.position).magnitude, ($1.0.logWidth - $1.1.logWidth).magnitude)
      }
      if let next = evaluate(moved), next.sse <= current.sse {
        breaks = moved
        current = next
        damping = max(damping * 0.1, 1e-12)
        converged = distance < tolerance
      } else {
        converged = distance < tolerance || damping > 1e12
        damping *= 8
      }
    }
    return solution(breaks, current, converged: converged, iterations: iterations)
  }

  private func clamped(_ each: Break) -> Break {
    let widths = BrokenPowerLawSolver.logWidths
    return Break(
      position: min(max(each.position, positions.lowerBound), positions.upperBound),
      logWidth: min(max(each.logWidth, widths.lowerBound), widths.upperBound))
  }

  /// The damped Newton step, or that of Gauss and Newton where the Hessian is indefinite; no longer than 1 in any
  /// parameter. Parameters that stand at a bound and would leave it stay.
  private func step(_ current: Evaluation, _ breaks: [Break], _ damping: Double) -> [Break]? {
    let solved =
      step(current.hessian, current.gradient, breaks, damping)
      ?? step(current.gaussNewton, current.gradient, breaks, damping)
    guard var solved else { return nil }
    let longest = solved.reduce(0.0) { max($0, $1.magnitude) }
    guard longest.isFinite else { return nil }
    if longest > 1 { for i in solved.indices { solved[i] /= longest } }
    return breaks.indices.map { Break(position: solved[2 * $0], logWidth: solved[2 * $0 + 1]) }
  }

  private func step(
    _ matrix: [[Double]], _ gradient: [Double], _ breaks: [Break], _ damping: Double
  ) -> [Double]? {
    var matrix = matrix
    var right = gradient.map { -$0 }
    let widths = BrokenPowerLawSolver.logWidths
    let largest = matrix.indices.reduce(0.0) { max($0, matrix[$1][$1].magnitude) }
    guard largest > 0, largest.isFinite else { return nil }
    for i in matrix.indices {
      let (value, range) =
        i % 2 == 0 ? (breaks[i / 2].position, positions) : (breaks[i / 2].logWidth, widths)
      let leaves = value <= range.lowerBound && right[i] < 0 || value >= range.upperBound && right[i] > 0
      if leaves {
        for j in matrix.indices {
          matrix[i][j] = 0
          matrix[j][i] = 0
        }
        matrix[i][i] = 1
        right[i] = 0
      } else {
        matrix[i][i] += damping * max(matrix[i][i].magnitude, 1e-6 * largest)
      }
    }
    return Cholesky(matrix)?.solve(right)
  }

  private mutating func solution(
    _ breaks: [Break], _ evaluation: Evaluation, converged: Bool, iterations: Int
  ) -> Solution {
    fillColumns(breaks)
    var slope = slopeY
    var mean = meanY
    for k in breaks.indices {
      slope -= evaluation.coefficients[k] * shapeSlopes[k]
      mean -= evaluation.coefficients[k] * shapeMeans[k]
    }
    slope /= spread
    return Solution(
      breaks: breaks, intercept: mean - slope * meanX, c0: -slope,
      changes: evaluation.coefficients.map { -$0 }, sse: evaluation.sse, converged: converged,
      iterations: iterations)
  }
}
