import Compute
import Foundation
import JSON
import System
import Testing

@Suite struct CurveAnalysisTests {
  @Test func `Intervals hold the truth and depend on the seed alone`() throws {
    var options = Sample.quick
    options.resamples = 40
    let sample = Sample.prepared(noise: 0.003)
    let truth = Sample.oneBreak
    let first = try #require(try CurveAnalysis.run(sample, options: options).intervals)
    let again = try #require(try CurveAnalysis.run(sample, options: options).intervals)
    #expect(first == again)
    options.seed = 1
    #expect(try CurveAnalysis.run(sample, options: options).intervals != first)
    #expect((first.breakStep.lower...first.breakStep.upper).contains(truth.breakStep))
    #expect((first.breakLoss.lower...first.breakLoss.upper).contains(truth.breakLoss))
    #expect((first.finalRate.lower...first.finalRate.upper).contains(truth.finalRate))
    #expect(first.source == .residuals)
  }

  @Test func `The rows of other cuts are fits of their own`() throws {
    var options = Sample.quick
    options.cuts = [50, 300, 90_000]
    let sample = Sample.prepared(from: 20, noise: 0.002)
    let analysis = try CurveAnalysis.run(sample, options: options)
    #expect(analysis.sensitivity.map(\.skip) == [50, 300])
    options.skip = 300
    #expect(try CurveAnalysis.run(sample, options: options).fit.curve == analysis.sensitivity[1].curve)
  }

  @Test func `Two breaks are found where there are two, and said to fit better`() throws {
    let curve = Sample.curveOf(points: 120, noise: 0.001) { step in
      let x = log(step)
      return 3 - 0.3 * x + 0.15 * 0.1 * log1p(exp((x - 6.5) / 0.1)) + 0.12 * 0.1 * log1p(exp((x - 9) / 0.1))
    }
    let analysis = try CurveAnalysis.run(curve, options: Sample.quick)
    let two = try #require(analysis.evidence?.laws.first { $0.breaks.count == 2 })
    #expect(abs(log(two.breaks[0]) - 6.5) < 0.1)
    #expect(abs(log(two.breaks[1]) - 9) < 0.1)
    #expect(abs(two.rates[2] - 0.03) < 0.01)
    // Nothing tells the first break from the end of a warm-up, so that it is not said that there are two.
    #expect(analysis.verdict != .deceleration)
    #expect(analysis.reasons.contains { $0.hasPrefix("If there is a break, two are ") })
  }

  @Test func `What is written reads back the same, and has the names of the published table`() throws {
    var options = Sample.quick
    options.resamples = 10
    options.cuts = nil
    let analysis = try CurveAnalysis.run(Sample.prepared(noise: 0.003), options: options)
    #expect(try CurveAnalysis(json: JSON(parsing: analysis.json.canonicalBytes)) == analysis)
    for name in [
      "run", "b", "c0", "c1", "log_d1", "f1", "rsle", "L_d", "t_d", "r_d", "L_T_predicted", "L_T",
      "verdict", "evidence",
    ] {
      #expect(analysis.summary[name] != nil, "\(name)")
    }
    #expect(analysis.summary["curve"] == nil)
  }

  @Test func `A fit with members missing or of another kind is refused`() throws {
    let analysis = try CurveAnalysis.run(Sample.prepared(), options: Sample.quick)
    let members = try #require(analysis.json.object)
    for name in ["curve", "b", "quality", "verdict", "options", "sensitivity", "power_law", "starts"] {
      var broken = members
      broken[name] = nil
      #expect(throws: Failure.self) { try CurveAnalysis(json: .object(broken)) }
      broken[name] = "x"
      #expect(throws: Failure.self) { try CurveAnalysis(json: .object(broken)) }
    }
  }

  @Test(arguments: [-1, 1 << 31 + 1, 4_000_000_000_000_000_000])
  func `A fit that leaves out steps that no training has is refused`(step: Int) throws {
    let analysis = try CurveAnalysis.run(Sample.prepared(), options: Sample.quick)
    for name in ["skip", "warmup"] {
      var members = try #require(analysis.json.object)
      var options = try #require(members["options"]?.object)
      options[name] = .integer(Int64(step))
      members["options"] = .object(options)
      #expect(throws: Failure.self) { try CurveAnalysis(json: .object(members)) }
    }
  }

  @Test func `A point without a logarithm is left out of the noise, too`() throws {
    var options = Sample.quick
    options.resamples = 20
    let sample = Sample.prepared(noise: 0.003)
    var losses = sample.losses
    losses[30] = 0
    let holed = try CurveAnalysis.run(Sample.prepared(sample.steps, losses), options: options)
    var steps = sample.steps
    steps.remove(at: 30)
    losses.remove(at: 30)
    let whole = try CurveAnalysis.run(Sample.prepared(steps, losses), options: options)
    #expect(holed.intervals != nil && holed.intervals == whole.intervals)
  }

  @Test func `A cancelled analysis stops`() async {
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try CurveAnalysis.run(Sample.prepared(), options: Sample.quick)
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}

@Suite struct UnusableCurveTests {
  @Test func `A constant loss is an error that says so`() {
    let curve = Sample.curveOf { _ in 1 }
    let error = #expect(throws: Failure.self) { try CurveAnalysis.run(curve, options: Sample.quick) }
    #expect(error?.headline.contains("constant") == true)
  }

  @Test func `Too few points behind the cut are an error with a hint`() {
    var options = Sample.quick
    options.skip = 60_000
    let error = #expect(throws: Failure.self) {
      try CurveAnalysis.run(Sample.prepared(), options: options)
    }
    #expect(error?.code == .unusable)
    #expect(error?.hint?.contains("lower skip") == true)
  }

  @Test func `One step repeated is no curve`() {
    let curve = Sample.prepared([Int](repeating: 500, count: 50), (1...50).map { Double($0) })
    #expect(throws: Failure.self) { try CurveAnalysis.run(curve, options: Sample.quick) }
  }

  @Test func `Any finite points give a result or an error, never a crash`() {
    let random = Philox(seed: 99)
    let options = CurveAnalysis.Options(resamples: 4, starts: 5, cuts: [])
    for trial in 0..<24 {
      let scale = [1, 1e-300, 1e300, 1e-12, 1e12][trial % 5]
      let spread = [0.01, 1, 30, 600][trial % 4]
      let count = 12 + trial
      let steps = (0..<count).map { trial % 3 == 0 ? 101 + $0 : 101 + $0 * $0 * $0 * 1_000_003 }
      let losses = (0..<count).map { index -> Double in
        let loss = scale * exp(spread * random.normals(stream: UInt32(trial), index: UInt64(index)).0)
        return loss > 0 && loss.isFinite ? loss : 1
      }
      if let analysis = try? CurveAnalysis.run(Sample.prepared(steps, losses), options: options) {
        #expect((try? CurveAnalysis(json: JSON(parsing: analysis.json.canonicalBytes))) != nil)
      }
    }
  }
}
