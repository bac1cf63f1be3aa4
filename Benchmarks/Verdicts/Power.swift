import Compute
import Glibc

/// What could be found at all of a curve with a break: the share that a test finds which knows the noise and both curves, and is
/// wrong in 5 % of those without a break.
struct Power {
  let run: PublishedRun
  let deviation: Double
  let persistence: Double

  var text: String {
    get throws {
      let noise = Noise(deviation: 0, persistence: 0, seed: 0)
      let curve = try Preparation()(
        noise.curve({ step, _ in run.curve.logLoss(at: step) }, steps: run.lastStep))
      let whole = distances(curve, until: run.lastStep)
      let half = distances(curve, until: run.lastStep / 2)
      func nearest(_ all: [LawDistances.Distance]) -> String {
        share(all.filter { $0.degree == nil }.map(\.deviations).min())
      }
      func polynomial(_ degree: Int) -> String {
        share(whole.first { $0.degree == degree }?.deviations)
      }
      return "  like \(run.name): \(nearest(whole)) from laws but polynomials, \(nearest(half)) in the first "
        + "half, \(polynomial(5)) from a polynomial of degree 5, \(polynomial(7)) of degree 7"
    }
  }

  private func distances(_ curve: PreparedCurve, until last: Int) -> [LawDistances.Distance] {
    LawDistances(curve, deviation: deviation, persistence: persistence, steps: 101...last)?.all ?? []
  }

  /// Of two curves that are d standard deviations apart, log odds tell: they are normal, with means d^2 apart and deviation d.
  private func share(_ distance: Double?) -> String {
    guard let distance else { return "unknown" }
    let found = erfc((1.6448536269514722 - distance) / 2.0.squareRoot()) / 2
    return "\((found * 1000).rounded() / 10) %"
  }
}
