import Compute
import Foundation
import JSON
import System
import Testing

@Suite struct UnsmoothedLawTests {
  static let laws = [
    OneBreak(b: 20, c0: 0.3, c1: -0.25, logD1: log(2000), f1: 0.02),
    OneBreak(b: 20, c0: 0.3, c1: -0.25, logD1: log(2000), f1: 0.3),
    OneBreak(b: 27.5, c0: 0.28, c1: -0.225, logD1: log(4600), f1: 0.76),
  ]

  private func curve(_ law: OneBreak, every: Int = 1, noise: Double = 0) -> Curve {
    let random = Philox(seed: 3)
    let steps = (1...40_000 / every).map { $0 * every }
    let losses = steps.map { step in
      law.loss(at: Double(step)) * exp(noise * random.normals(stream: 0, index: UInt64(step)).0)
    }
    return Curve(run: "a", steps: steps, losses: losses)
  }

  /// As another program hands on what it smoothed.
  private func pointsAlone(_ curve: PreparedCurve) -> PreparedCurve {
    PreparedCurve(
      run: curve.run, steps: curve.steps, losses: curve.losses, smoothing: nil, isSubsampled: false,
      sourcePoints: curve.steps.count, wasPrepared: true, notes: [])
  }

  private func expect(_ found: UnsmoothedLaw?, _ law: OneBreak) throws {
    let found = try #require(found)
    #expect(abs(found.breakStep / law.breakStep - 1) < 5e-3, "\(found.breakStep)")
    #expect(abs(found.breakLoss / law.breakLoss - 1) < 2e-3, "\(found.breakLoss)")
    #expect(abs(found.finalRate - law.finalRate) < 1e-3, "\(found.finalRate)")
  }

  @Test(arguments: laws, [1.05, 1.2, 1.5])
  func `What the preparation did is taken back`(law: OneBreak, base: Double) throws {
    for every in [1, 10] {
      let prepared = try Preparation(smoothing: base)(curve(law, every: every))
      let analysis = try CurveAnalysis.run(prepared, options: Sample.quick)
      // Each point is a mean over steps t / base to t, so about (base + 1) / 2 base of its own step.
      let late = analysis.fit.curve.breakStep / law.breakStep
      #expect(abs(log(late) / log(2 * base / (base + 1)) - 1) < 0.3, "\(late)")
      #expect(analysis.unsmoothed?.modelled == .preparation)
      #expect(analysis.unsmoothed?.smoothing == base)
      try expect(analysis.unsmoothed, law)
    }
  }

  @Test(arguments: laws)
  func `Of points that others smoothed the published moving average is taken back`(law: OneBreak) throws {
    let points = pointsAlone(try Preparation()(curve(law, noise: 0.001)))
    let analysis = try CurveAnalysis.run(points, options: Sample.quick)
    #expect(analysis.unsmoothed?.modelled == .publishedSmoothing)
    try expect(analysis.unsmoothed, law)
  }

  @Test(arguments: laws)
  func `The law of losses that nobody smoothed is their fit`(law: OneBreak) throws {
    let analysis = try CurveAnalysis.run(
      curve(law), preparation: Preparation(smoothing: nil), options: Sample.quick)
    #expect(analysis.unsmoothed?.modelled == .nothing)
    #expect(analysis.unsmoothed?.breakStep == analysis.fit.curve.breakStep)
    try expect(analysis.unsmoothed, law)
  }

  @Test func `Intervals are moved as the fit is, and all of it reads back`() throws {
    let law = Self.laws[1]
    let analysis = try CurveAnalysis.run(
      curve(law, noise: 0.02), options: CurveAnalysis.Options(resamples: 40, starts: 10, cuts: []))
    let (fit, intervals) = (analysis.fit.curve, try #require(analysis.intervals))
    let found = try #require(analysis.unsmoothed)
    let moved = try #require(found.intervals)
    #expect(
      abs(moved.breakStep.lower / intervals.breakStep.lower - found.breakStep / fit.breakStep) < 1e-12)
    #expect(
      abs(moved.breakLoss.upper / intervals.breakLoss.upper - found.breakLoss / fit.breakLoss) < 1e-12)
    #expect(
      abs(moved.finalRate.lower - intervals.finalRate.lower - (found.finalRate - fit.finalRate)) < 1e-12)
    #expect((moved.breakStep.lower...moved.breakStep.upper).contains(law.breakStep))
    #expect(!(intervals.breakStep.lower...intervals.breakStep.upper).contains(law.breakStep))

    #expect(try CurveAnalysis(json: JSON(parsing: analysis.json.canonicalBytes)) == analysis)
    var members = try #require(analysis.json.object)
    var broken = try #require(members["unsmoothed"]?.object)
    broken["modelled"] = "wishes"
    members["unsmoothed"] = .object(broken)
    #expect(throws: Failure.self) { try CurveAnalysis(json: .object(members)) }
    // Fits of older revisions have none.
    members["unsmoothed"] = nil
    #expect(try CurveAnalysis(json: .object(members)).unsmoothed == nil)
  }
}
