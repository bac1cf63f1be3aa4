import Foundation
import JSON
import System
import Testing

@testable import Compute

@Suite struct LawIntervalsTests {
  @Test func `Two breaks have intervals that hold them, and the reasons say so`() throws {
    let analysis = try Self.twoBreaks(seed: 0)
    let changes = try #require(analysis.slopeChanges)
    let intervals = try #require(changes.intervals)
    #expect(intervals.resamples == 200 && intervals.obstacle == nil)
    let held = [800, 4000, 0.15, 0.40, 0.05]
    let all = intervals.breaks + intervals.rates
    // Of five, each at 95 %, chance lets one miss in every fourth run.
    let count = zip(all, held).count { ($0.lower...$0.upper).contains($1) }
    #expect(all.count == 5 && count >= 4, "\(all)")
    let first = try #require(intervals.ofBreak(0))
    #expect(first.lower < changes.steps[0] && changes.steps[0] < first.upper && intervals.ofBreak(2) == nil)
    let told = "at steps \(Int(changes.steps[0])) (95 %: \(Int(first.lower)) to \(Int(first.upper))) and "
    #expect(analysis.reasons.contains { $0.contains(told) }, "\(analysis.reasons)")
  }

  /// Each point is a mean over steps before it: taken at its own step, it would show them later by a factor of 12/11.
  @Test func `Breaks of points that others smoothed are those of the losses`() throws {
    let law = OneBreak(b: 20, c0: 0.3, c1: -0.25, logD1: log(2000), f1: 0.1)
    let random = Philox(seed: 5)
    let losses = (1...40_000).map { step in
      law.loss(at: Double(step)) * exp(0.01 * random.normals(stream: 0, index: UInt64(step)).0)
    }
    let smoothed = try Preparation()(Curve(run: "a", steps: Array(1...40_000), losses: losses))
    let points = PreparedCurve(
      run: "a", steps: smoothed.steps, losses: smoothed.losses, smoothing: nil, isSubsampled: false,
      sourcePoints: smoothed.steps.count, wasPrepared: true, notes: [])
    let analysis = try CurveAnalysis.run(points, options: Sample.quick)
    let one = try #require(analysis.evidence?.laws.first { $0.isOneBreakFit })
    #expect(abs(one.breaks[0] / 2000 - 1) < 0.03, "\(one.breaks)")
  }

  @Test func `They depend on the seed alone, and are as wide as the noise is large`() throws {
    func intervals(seed: Int, noise: Double = 0.001) throws -> LawIntervals {
      try #require(try Self.twoBreaks(seed: seed, noise: noise).supportedLaw?.intervals)
    }
    let first = try intervals(seed: 0)
    #expect(try intervals(seed: 0) == first)
    #expect(try intervals(seed: 1) != first)
    let noisy = try intervals(seed: 0, noise: 0.004)
    for (wide, narrow) in zip(noisy.breaks, first.breaks) {
      #expect(wide.upper - wide.lower > 1.5 * (narrow.upper - narrow.lower))
    }
  }

  @Test func `The law with one break has them, too, where that is enough; others have none`() throws {
    var options = Sample.quick
    options.resamples = 100
    let analysis = try CurveAnalysis.run(Sample.prepared(noise: 0.003), options: options)
    let law = try #require(analysis.supportedLaw)
    let interval = try #require(law.intervals?.ofBreak(0))
    #expect(law.breaks.count == 1 && (interval.lower...interval.upper).contains(Sample.oneBreak.breakStep))
    #expect(analysis.evidence?.laws.count { $0.intervals != nil } == 1)
    let power = Sample.curveOf(noise: 0.01) { 2.9 - 0.12 * log($0) }
    #expect(
      try CurveAnalysis.run(power, options: options).evidence?.laws.allSatisfy { $0.intervals == nil } == true
    )
  }

  /// Behind the second break there are two windows: noise takes it to the end of the run.
  @Test func `There are none where the breaks of too many resamples are gone, and that is said`() throws {
    let x = (0..<30).map { 5 + 0.2 * Double($0) }
    let y = x.map {
      3 - 0.3 * $0 + 0.02 * log1p(exp(($0 - 8) / 0.1)) + 0.002 * log1p(exp(($0 - 10.5) / 0.05))
    }
    let variance = 1e-4
    let covariance = (0..<900).map { $0 % 31 == 0 ? variance : 0 }
    let whitening = try #require(Whitening(covariance: covariance, count: 30))
    let fits = try LawFits(RivalSolver(x: x, y: y, whitening: whitening))
    let fit = try #require(fits.best { $0.name == "two breaks" })
    let noise = WindowNoise(covariance: covariance, count: 30, discrepancy: 0, range: 0)
    let intervals = try #require(
      try LawIntervals(fit, solver: fits.solver, noise: noise, resamples: 100, seed: 0))
    #expect(intervals.failed > 2 && intervals.breaks.isEmpty && intervals.rates.isEmpty)
    #expect(intervals.obstacle == "in \(intervals.failed) of 100 resamples the law has no such breaks")
    #expect(intervals.ofBreak(0) == nil && intervals.ofRate(0) == nil)
  }

  @Test func `They are read as they are written, and refused where they are of another law`() throws {
    let evidence = try #require(try Self.twoBreaks(seed: 0).evidence)
    let law = try #require(evidence.laws.first { $0.intervals != nil })
    #expect(try BreakEvidence.Law(json: law.json) == law)
    for (name, value) in [("breaks", [[1.0, 2.0]]), ("rates", [[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]])] {
      var members = try #require(law.json.object)
      var intervals = try #require(members["intervals"]?.object)
      intervals[name] = .array(value.map { .numbers($0) })
      members["intervals"] = .object(intervals)
      #expect(throws: Failure.self, "\(name)") { try BreakEvidence.Law(json: .object(members)) }
    }
    for (name, value) in [("failed", 201), ("failed", -1), ("breaks", [])] as [(String, JSON)] {
      var members = try #require(law.json.object)
      var intervals = try #require(members["intervals"]?.object)
      intervals[name] = value
      members["intervals"] = .object(intervals)
      #expect(throws: Failure.self, "\(name)") { try BreakEvidence.Law(json: .object(members)) }
    }
  }

  @Test func `Whose margin decides is said where t_d is of another law`() throws {
    let two = try Self.twoBreaks(seed: 0)
    let evidence = try #require(two.evidence)
    let one = try #require(evidence.laws.first { $0.isOneBreakFit })
    let smooth = try #require(evidence.laws.first { !$0.hasBreak })
    #expect(evidence.marginOfOneBreakFit == smooth.behind - one.behind && one.behind > smooth.behind)
    let said = try #require(
      two.reasons.first {
        $0.contains(" is that of two breaks. Under the same noise the one-break fit, of which t_d is")
      })
    #expect(said.hasPrefix("The margin of ") && said.hasSuffix(" behind a \(smooth.name)."), "\(said)")
    let single = try CurveAnalysis.run(Sample.prepared(noise: 0.003), options: Sample.quick)
    #expect(
      single.verdict == .deceleration && !single.reasons.contains { $0.contains("Under the same noise") })
  }

  @Test
  func
    `Whether the loss still falls is said by the law that is supported where the one-break fit does not tell`()
    throws
  {
    let two = try Self.twoBreaks(seed: 0)
    func reasons(_ evidence: BreakEvidence?) throws -> String {
      var json = try #require(two.json.object)
      var intervals = try #require(json["intervals"]?.object)
      intervals["r_d"] = [-0.5, 0.1]
      json["intervals"] = .object(intervals)
      let wide = try CurveAnalysis(json: .object(json))
      return Judgement(
        fit: two.fit, evidence: evidence, intervals: wide.intervals, sensitivity: [], smoothed: nil,
        unsmoothed: nil,
        options: two.options
      ).reasons.joined(separator: " ")
    }
    let known = try reasons(two.evidence)
    #expect(
      known.contains(
        "The 95 % interval of r_d contains 0, as the one-break fit does not determine it; the last exponent of two breaks, 0.0497 (95 %: "
      ))
    #expect(known.contains(", does not: the loss still falls.") && !known.contains("not certain"), "\(known)")
    #expect(
      try reasons(nil).contains(
        "The 95 % interval of r_d contains 0: the one-break fit does not tell whether the loss still falls."))
  }

  @Test func `Two breaks nearer to each other than a window are one change of slope`() throws {
    let analysis = try Self.twoBreaks(seed: 0)
    var json = try #require(analysis.json.object)
    func judged(_ second: Double, warmup: Int? = nil) throws -> (CurveAnalysis, Judgement) {
      var evidence = try #require(json["evidence"]?.object)
      evidence["laws"] = .array(
        try #require(evidence["laws"]?.array).map { law in
          guard law["has_break"] == true, var members = law.object else { return law }
          members["behind"] = law["name"] == "two breaks" ? 0 : 100_000
          if law["name"] == "two breaks" { members["breaks"] = [1000, .number(second)] }
          return .object(members)
        })
      json["evidence"] = .object(evidence)
      let moved = try CurveAnalysis(json: .object(json))
      var options = analysis.options
      options.warmup = warmup
      return (
        moved,
        Judgement(
          fit: moved.fit, evidence: moved.evidence, intervals: nil, sensitivity: [], smoothed: nil,
          unsmoothed: nil, options: options)
      )
    }
    let (apart, verdict) = try judged(1210)
    #expect(apart.slopeChanges != nil && verdict.verdict == .deceleration)
    #expect(apart.supportedLaw?.name == "two breaks")
    // The law with one break is behind one without: nothing is left that is supported.
    let (near, undecided) = try judged(1190)
    #expect(near.slopeChanges == nil && near.supportedLaw == nil && undecided.verdict == .notDecided)
    #expect(
      undecided.reasons[0].contains("But its breaks, at steps 1000 and 1190, are no further apart than"))
    let (_, early) = try judged(1210, warmup: 30_000)
    #expect(early.verdict == .warmupBreak)
    #expect(early.reasons.contains { $0.hasPrefix("If there is a break, two are ") })
    #expect(!early.reasons.contains { $0.hasPrefix("There is more than one change") })
  }

  private static func twoBreaks(seed: Int, noise: Double = 0.001) throws -> CurveAnalysis {
    let (first, second) = (log(800.0), log(4000.0))
    let curve = Sample.curveOf(points: 120, noise: noise) { step in
      let x = log(step)
      return 2.75 - 0.15 * x - 0.25 * 0.1 * log1p(exp((x - first) / 0.1))
        + 0.35 * 0.1 * log1p(exp((x - second) / 0.1))
    }
    return try CurveAnalysis.run(
      Curve(run: "sample", steps: curve.steps, losses: curve.losses),
      preparation: Preparation(smoothing: nil),
      options: CurveAnalysis.Options(resamples: 200, seed: seed, starts: 10, cuts: []))
  }
}
