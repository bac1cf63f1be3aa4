internal import System

/// How far a curve without noise is from the nearest curve of each law without a break, under a noise that is known: what any test
/// could find out at best.
package struct LawDistances {
  package struct Distance {
    /// Of curvature of no particular form; nil for other laws.
    package let degree: Int?
    /// In standard deviations of the noise: the root of the least chi squared.
    package let deviations: Double
  }

  /// In the order in which laws are tried.
  package let all: [Distance]

  /// - Parameters:
  ///   - curve: prepared without noise.
  ///   - deviation, persistence: of the noise of log L at each step, an AR(1).
  ///   - steps: those that are looked at.
  /// - Returns: nil with too few windows.
  package init?(_ curve: PreparedCurve, deviation: Double, persistence: Double, steps: ClosedRange<Int>) {
    let windows = curve.windows(smoothedNoise: nil).filter {
      steps.contains($0.firstStep) && steps.contains($0.lastStep)
    }
    .map {
      LossWindow(
        firstStep: $0.firstStep, lastStep: $0.lastStep, firstPoint: $0.firstPoint, points: $0.points,
        logStep: $0.logStep, logLoss: $0.logLoss, deviation: deviation)
    }
    guard windows.count >= BreakEvidence.fewest,
      let whitening = Whitening(
        covariance: windows.covariance(persistence: persistence), count: windows.count)
    else { return nil }
    let solver = RivalSolver(
      x: windows.map(\.logStep), y: windows.map(\.logLoss), whitening: whitening)
    all = Rivals.all.filter { !$0.hasBreak }.compactMap { rival in
      solver.fit(rival).map {
        Distance(degree: (rival as? SmoothCurvature)?.degree, deviations: $0.chiSquared.squareRoot())
      }
    }
  }
}
