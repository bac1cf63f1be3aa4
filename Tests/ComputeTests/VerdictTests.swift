import Compute
import Foundation
import Testing

@Suite struct VerdictTests {
  @Test func `A curve with a break and a falling end decelerates`() throws {
    #expect(
      try CurveAnalysis.run(Sample.prepared(noise: 0.003), options: Sample.quick).verdict == .deceleration)
  }

  @Test(arguments: 0..<6)
  func `A power law with noise has no break`(seed: Int) throws {
    let curve = Sample.curveOf(noise: 0.01, seed: UInt64(seed)) { 2.9 - 0.12 * log($0) }
    let analysis = try CurveAnalysis.run(curve, options: Sample.quick)
    #expect(analysis.verdict == .noBreak)
    #expect(abs(analysis.powerLaw.c0 - 0.12) < 0.003)
  }

  /// Smoothing leaves so little of the noise that the search for a break has nothing to hold on to.
  @Test(arguments: [0.0, 0.005, 0.02], [100, 101, 102])
  func `A power law that was smoothed has no break, and is no error`(noise: Double, seed: Int) throws {
    let random = Philox(seed: UInt64(seed))
    let losses = (1...2000).map { step in
      12 * pow(Double(step), -0.1) * exp(noise * random.normals(stream: 0, index: UInt64(step)).0)
    }
    let curve = Curve(run: "a", steps: Array(1...2000), losses: losses)
    #expect(try CurveAnalysis.run(curve, options: Sample.quick).verdict == .noBreak)
  }

  @Test(arguments: [
    (
      1500,
      "Without the start too little of the run is left to tell whether that contradicts it; without its second half too"
    ),
    (
      2300,
      "Without the start too little of the run is left to tell whether that contradicts it; of laws fitted to its first half"
    ),
    (
      8000,
      "Nothing contradicts it without the start of the run; of laws fitted to its first half none without a break predicts"
    ),
  ])
  func `The reasons name the parts of the run that were looked at`(steps: Int, words: String) throws {
    let law = OneBreak(b: 20, c0: 0.3, c1: -0.25, logD1: log(Double(steps) / 4), f1: 0.1)
    let random = Philox(seed: 5)
    let losses = (1...steps).map { step in
      exp(law.logLoss(at: Double(step)) + 0.005 * random.normals(stream: 0, index: UInt64(step)).0)
    }
    let curve = Curve(run: "a", steps: Array(1...steps), losses: losses)
    let analysis = try CurveAnalysis.run(curve, options: Sample.quick)
    #expect(analysis.verdict == .deceleration)
    #expect(analysis.reasons[0].contains(words), "\(analysis.reasons)")
  }

  @Test func `What smoothing does to t_d is said, with what it is of the losses themselves`() throws {
    let law = OneBreak(b: 20, c0: 0.3, c1: -0.25, logD1: log(2000), f1: 0.1)
    let random = Philox(seed: 5)
    let losses = (1...20_000).map { step in
      exp(law.logLoss(at: Double(step)) + 0.005 * random.normals(stream: 0, index: UInt64(step)).0)
    }
    let curve = Curve(run: "a", steps: Array(1...20_000), losses: losses)
    func lag(_ preparation: Preparation) throws -> (reason: String?, step: Double) {
      let analysis = try CurveAnalysis.run(curve, preparation: preparation, options: Sample.quick)
      #expect(analysis.verdict == .deceleration)
      let reason = analysis.reasons.first { $0.hasPrefix("t_d is that of the smoothed curve") }
      #expect(
        try reason.map { $0.contains("about \(Int(try #require(analysis.unsmoothed).breakStep))") } ?? true)
      return (reason, analysis.fit.curve.breakStep)
    }
    let smoothed = try lag(Preparation())
    let told = try #require(
      try smoothed.reason?.firstMatch(of: /it is about ([0-9]+)/).flatMap { Double($0.1) })
    #expect(abs(told / 2000 - 1) < 0.02 && smoothed.step > 2100, "\(told), \(smoothed.step)")
    let plain = try lag(Preparation(smoothing: nil))
    #expect(plain.reason == nil && abs(plain.step / 2000 - 1) < 0.02, "\(plain.step)")
  }

  @Test func `A law without a break is not enough where one with a break is as likely`() throws {
    var seen: Set<Verdict> = []
    let law = OneBreak(b: 15.26, c0: 0.3952, c1: -0.2562, logD1: 4.578, f1: 0.3)
    for seed in 0..<12 {
      let random = Philox(seed: UInt64(seed))
      let losses = (1...1600).map { step in
        exp(law.logLoss(at: Double(step)) + 0.03 * random.normals(stream: 0, index: UInt64(step)).0)
      }
      let curve = Curve(run: "a", steps: Array(1...1600), losses: losses)
      let analysis = try CurveAnalysis.run(
        curve, options: CurveAnalysis.Options(skip: 10, resamples: 0, starts: 20, cuts: []))
      let margin = try #require(analysis.evidence?.margin)
      seen.insert(analysis.verdict)
      if analysis.verdict == .noBreak { #expect(margin <= -BreakEvidence.decisive, "\(margin)") }
      if abs(margin) < BreakEvidence.decisive { #expect(analysis.verdict == .notDecided, "\(margin)") }
    }
    #expect(seen.contains(.notDecided))
  }

  @Test func `A curve that falls faster behind the break does not decelerate`() throws {
    let curve = OneBreak(b: 10, c0: 0.05, c1: 0.1, logD1: 8, f1: 0.2)
    let analysis = try CurveAnalysis.run(Sample.prepared(curve, noise: 0.002), options: Sample.quick)
    #expect(analysis.verdict == .noBreak)
  }

  @Test func `A curve that rises behind the break is saturating`() throws {
    let curve = OneBreak(b: 18, c0: 0.2, c1: -0.22, logD1: 8, f1: 0.2)
    let analysis = try CurveAnalysis.run(Sample.prepared(curve, noise: 0.002), options: Sample.quick)
    #expect(analysis.verdict == .saturating)
    #expect(analysis.fit.curve.finalRate < 0)
  }

  @Test func `A break at the end of the warm-up is told from one behind it`() throws {
    let curve = Sample.prepared(OneBreak(b: 18, c0: 0.3, c1: -0.2, logD1: log(2000), f1: 0.1), noise: 0.002)
    var options = Sample.quick
    #expect(try CurveAnalysis.run(curve, options: options).verdict == .deceleration)
    options.warmup = 2000
    #expect(try CurveAnalysis.run(curve, options: options).verdict == .warmupBreak)
    options.warmup = 500
    #expect(try CurveAnalysis.run(curve, options: options).verdict == .deceleration)
  }

  @Test func `With the warm-up unknown, a break where the points begin is not called deceleration`() throws {
    let curve = Sample.prepared(OneBreak(b: 30, c0: 0.5, c1: -0.4, logD1: log(170), f1: 0.1), noise: 0.002)
    #expect(try CurveAnalysis.run(curve, options: Sample.quick).verdict != .deceleration)
  }

  @Test func `A loss that nears a limit has no two power laws`() throws {
    let curve = Sample.curveOf(points: 120, noise: 0.002) { log(2 + 30 * pow($0, -0.5)) }
    #expect(try CurveAnalysis.run(curve, options: Sample.quick).verdict == .noBreak)
  }

  @Test func `A cool-down at the end is named`() throws {
    let curve = Sample.curveOf(points: 120, noise: 0.001) { step in
      Sample.oneBreak.logLoss(at: step) - max(0, log(step / 80_000)) * 0.3
    }
    let analysis = try CurveAnalysis.run(curve, options: Sample.quick)
    #expect(analysis.verdict == .deceleration)
    #expect(analysis.reasons.contains { $0.contains("cool-down") })
    let plain = try CurveAnalysis.run(Sample.prepared(points: 120, noise: 0.001), options: Sample.quick)
      .reasons
    #expect(!plain.contains { $0.contains("cool-down") })
  }
}
