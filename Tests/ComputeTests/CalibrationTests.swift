import Compute
import Foundation
import Testing

/// A small part of what Benchmarks/Verdicts measures.
@Suite struct CalibrationTests {
  static func curve(
    _ steps: Int, noise: Double, persistence: Double = 0, seed: Int, _ logLoss: (Double) -> Double
  ) -> Curve {
    let random = Philox(seed: UInt64(seed))
    var level = random.normals(stream: 0, index: 0).0
    let losses = (1...steps).map { step in
      level =
        persistence * level
        + sqrt(1 - persistence * persistence) * random.normals(stream: 0, index: UInt64(step)).0
      return exp(logLoss(Double(step)) + noise * level)
    }
    return Curve(run: "curve", steps: Array(1...steps), losses: losses)
  }

  static let smooth: [(name: String, logLoss: @Sendable (Double) -> Double)] = [
    ("limit", { log(2 + 30 * pow($0, -0.5)) }),
    ("stretched exponential", { log(2.5 + 8 * exp(-pow($0 / 75, 0.3))) }),
    ("cosine", { 2.9 - 0.12 * log($0) - 0.03 * (1 - cos(Double.pi * $0 / 3000)) }),
    ("trapezoid", { log(2 + 12 * pow($0, -0.3)) - 0.06 * max(0, $0 / 600 - 4) }),
  ]

  @Test(arguments: smooth.indices, [0, 0.9])
  func `A curve without a break is not called decelerating`(family: Int, persistence: Double) throws {
    var options = Sample.quick
    options.skip = 10
    let curve = Self.curve(
      3000, noise: 0.02, persistence: persistence, seed: 7 + family, Self.smooth[family].logLoss)
    let analysis = try CurveAnalysis.run(curve, options: options)
    #expect(analysis.verdict != .deceleration, "\(Self.smooth[family].name)")
    #expect(abs((analysis.evidence?.persistence ?? -1) - persistence) < 0.06)
  }

  @Test(arguments: [1.2, nil])
  func `A curve like a published one is, smoothed or not`(smoothing: Double?) throws {
    let law = OneBreak(b: 18.4, c0: 0.1745, c1: -0.162, logD1: 7, f1: 0.2)
    let curve = Self.curve(50_000, noise: 0.02, seed: 1, law.logLoss)
    let analysis = try CurveAnalysis.run(
      curve, preparation: Preparation(smoothing: smoothing), options: Sample.quick)
    #expect(analysis.verdict == .deceleration)
    #expect(analysis.evidence?.supportsBreak == true)
  }

  /// A polynomial of degree 7 is all but the same curve. It has three parameters more, which the many steps of the last windows would
  /// have to have chosen from far more than they left possible.
  @Test(arguments: [(13, nil), (16, 1.2), (20, 1.2)] as [(Int, Double?)])
  func `A gentle break is told from a bend of no particular form`(seed: Int, smoothing: Double?) throws {
    let law = try #require(PublishedRun.all.last).curve
    let curve = Self.curve(50_000, noise: 0.006, persistence: 0.9, seed: seed, law.logLoss)
    let analysis = try CurveAnalysis.run(
      curve, preparation: Preparation(smoothing: smoothing), options: Sample.quick)
    #expect(analysis.verdict == .deceleration)
  }

  @Test(arguments: [1, 3, 5])
  func `An exponent that drifts over decades is no break`(seed: Int) throws {
    let law = OneBreak(b: 15, c0: 0.16, c1: -0.11, logD1: 6.5, f1: 1.3)
    let curve = Self.curve(20_000, noise: 0.002, seed: seed, law.logLoss)
    let analysis = try CurveAnalysis.run(
      curve, preparation: Preparation(smoothing: nil), options: Sample.quick)
    #expect(analysis.verdict == .noBreak)
  }

  /// Intervals that hold too seldom are too narrow; those that always hold could be infinite, so their width is compared with
  /// the scatter of the estimates.
  @Test(arguments: [0, 0.9])
  func `Intervals hold as often as they say, and are no wider than they must be`(persistence: Double) throws {
    let law = OneBreak(b: 15.26, c0: 0.3952, c1: -0.2562, logD1: 4.578, f1: 0.3)
    let options = CurveAnalysis.Options(skip: 10, resamples: 60, starts: 10, cuts: [])
    let seeds = 40
    func prepared(_ noise: Double, _ seed: Int) throws -> PreparedCurve {
      try Preparation()(
        Self.curve(1600, noise: noise, persistence: persistence, seed: seed, law.logLoss))
    }
    let truth = try CurveAnalysis.run(prepared(0, 0), options: options).fit.curve.logD1
    var (hits, ofLaw, width): (Int, Int, Double) = (0, 0, 0)
    var estimates: [Double] = []
    for seed in 0..<seeds {
      let analysis = try CurveAnalysis.run(prepared(0.01, 100 + seed), options: options)
      let interval = try #require(analysis.intervals).logD1
      if interval.lower <= truth, truth <= interval.upper { hits += 1 }
      let losses = try #require(analysis.unsmoothed?.intervals).breakStep
      if losses.lower <= law.breakStep, law.breakStep <= losses.upper { ofLaw += 1 }
      width += (interval.upper - interval.lower) / Double(seeds)
      estimates.append(analysis.fit.curve.logD1)
    }
    let mean = estimates.reduce(0, +) / Double(seeds)
    let scatter = sqrt(estimates.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(seeds - 1))
    #expect((34...40).contains(hits), "\(hits) of \(seeds)")
    #expect((34...40).contains(ofLaw), "\(ofLaw) of \(seeds)")
    #expect((0.5...2).contains(width / (3.92 * scatter)))
  }
}
