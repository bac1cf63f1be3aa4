/// The covariance of what keeps a curve's windows from any law: the noise of the steps in them, and what the best law leaves
/// besides, taken as an Ornstein-Uhlenbeck process over log t.
struct WindowNoise {
  /// Row by row.
  let covariance: [Double]
  let count: Int
  /// The standard deviation of what the best law leaves besides, and over how much log t it is correlated.
  let discrepancy: Double
  let range: Double

  var rows: [[Double]] { (0..<count).map { Array(covariance[$0 * count..<($0 + 1) * count]) } }

  /// Of some consecutive windows.
  func whitening(_ part: Range<Int>) -> Whitening? {
    let matrix = part.flatMap { row in part.map { covariance[row * count + $0] } }
    return Whitening(covariance: matrix, count: part.count)
  }
}

extension WindowNoise {
  /// A variance far below that of any noise: losses are printed with so many digits.
  static let floor = 1e-14
  /// How much less likely it must be that there is no discrepancy for one to be taken as significant: the 90 % quantile of chi
  /// squared with one degree of freedom, so 5 % where the size stands at its bound of 0.
  private static let significant = 2.705_543_454_095_465
  /// The shares of the residuals' variance that the process is tried with, and ranges of log t.
  private static let shares = [0, 0.01, 0.03, 0.1, 0.3, 1, 3]
  private static let parts = [0, 0.25, 0.5, 0.75, 0.95]
  private static let ranges = [0.2, 0.5, 1.2]

  /// From the windows themselves: what the best law leaves under the noise of their steps alone, or, if that is not known, under
  /// equal and independent noise.
  init?(_ windows: [LossWindow], noise: StepNoise?) throws {
    let n = windows.count
    let (x, y) = (windows.map(\.logStep), windows.map(\.logLoss))
    let steps = noise.map { WindowNoise.steps(windows, persistence: $0.persistence) }
    let identity = (0..<n * n).map { $0 % (n + 1) == 0 ? 1.0 : 0 }
    guard let whitening = Whitening(covariance: steps ?? identity, count: n) else { return nil }
    let rough = try LawFits(RivalSolver(x: x, y: y, whitening: whitening), isScaled: steps != nil)
    guard let best = rough.best(), let law = rough.solver.curve(best.rival, best.searched) else { return nil }
    self.init(steps: steps, x: x, residuals: law.residuals, directions: rough.solver.tangent(law))
  }

  /// The noise that a law's windows have, to be drawn again: that of their steps, as far as it is known, and what the law leaves besides.
  init?(
    drawnOver windows: [LossWindow], persistence: Double, _ fit: LawFits.Fit, _ solver: RivalSolver
  ) {
    guard let law = solver.curve(fit.rival, fit.searched) else { return nil }
    var steps: [Double]?
    if windows.contains(where: { $0.deviation > 0 }) {
      steps = WindowNoise.steps(windows, persistence: persistence)
    }
    self.init(steps: steps, x: solver.x, residuals: law.residuals, directions: solver.tangent(law))
  }

  private static func steps(_ windows: [LossWindow], persistence: Double) -> [Double] {
    var matrix = windows.covariance(persistence: persistence)
    for i in windows.indices { matrix[i * windows.count + i] += floor }
    return matrix
  }

  /// Chosen by restricted maximum likelihood (Patterson and Thompson, 1971), the law's parameters taken out.
  ///
  /// - Parameters:
  ///   - steps: the covariance of the steps' noise in the windows; nil where it is not known, and the residuals have to
  ///     tell its size as well.
  ///   - residuals: of log L from the best law.
  ///   - directions: in which that law can move them.
  init?(steps: [Double]?, x: [Double], residuals: [Double], directions: [[Double]]) {
    let n = x.count
    // Where the steps' noise is known, no discrepancy is assumed unless it is significant: one that is none would hide what the
    // last windows, by far the surest, know.
    let isTested = steps != nil
    let variance = max(Sums.dot(residuals, residuals) / Double(n), 1e-20)
    var best: (likelihood: Double, noise: WindowNoise)?
    for share in steps == nil ? WindowNoise.parts : WindowNoise.shares {
      for range in share == 0 ? [WindowNoise.ranges[0]] : WindowNoise.ranges {
        var matrix = steps ?? [Double](repeating: 0, count: n * n)
        for i in 0..<n {
          for j in 0..<n {
            let kept = Elementary.exp(-(x[i] - x[j]).magnitude / range) * share
            matrix[i * n + j] += steps == nil ? kept + (i == j ? 1 - share : 0) : kept * variance
          }
        }
        guard let whitening = Whitening(covariance: matrix, count: n) else { continue }
        var basis: [[Double]] = []
        var value = whitening.logDeterminant
        for direction in directions {
          if let norm = basis.appendOrthonormal(whitening(direction)) { value += 2 * Elementary.log(norm) }
        }
        let left = whitening(residuals).without(basis)
        let sum = Sums.dot(left, left)
        var scale = 1.0
        if steps == nil {
          let free = Double(n - basis.count)
          scale = max(sum / free, 1e-20)
          value += free * Elementary.log(scale)
        } else {
          value += sum
        }
        if best.map({
          value < $0.likelihood - (isTested && $0.noise.discrepancy == 0 ? WindowNoise.significant : 0)
        }) ?? true {
          let size = (share * (steps == nil ? scale : variance)).squareRoot()
          best = (
            value,
            WindowNoise(
              covariance: matrix.map { $0 * scale }, count: n, discrepancy: size,
              range: share == 0 ? 0 : range)
          )
        }
      }
    }
    guard let best else { return nil }
    self = best.noise
  }
}
