import Compute
import Foundation
import JSON
import Testing

@Suite struct OneBreakFitTests {
  @Test(arguments: [0.08, 0.2, 0.5, 1.2])
  func `A curve without noise is recovered from every start`(width: Double) throws {
    let truth = OneBreak(b: 21, c0: 0.22, c1: -0.19, logD1: 8.1, f1: width)
    let fit = try CurveAnalysis.run(Sample.prepared(truth), options: Sample.quick).fit
    #expect(abs(fit.curve.b - truth.b) < 1e-6)
    #expect(abs(fit.curve.c0 - truth.c0) < 1e-8)
    #expect(abs(fit.curve.c1 - truth.c1) < 1e-8)
    #expect(abs(fit.curve.logD1 - truth.logD1) < 1e-7)
    #expect(abs(fit.curve.f1 - truth.f1) < 1e-7)
    #expect(fit.startsAtOptimum == fit.starts)
    #expect(fit.quality.rsle < 1e-9)
    #expect(abs(fit.predictedLastLoss - truth.lateAsymptote(at: 100_000)) < 1e-7)
  }

  @Test func `Multiplying the loss multiplies b, and stretching the steps moves t_d`() throws {
    let sample = Sample.prepared(noise: 0.003)
    let plain = try CurveAnalysis.run(sample, options: Sample.quick).fit
    let moved = Sample.prepared(sample.steps.map { $0 * 64 }, sample.losses.map { $0 * 1e6 })
    let fit = try CurveAnalysis.run(moved, options: Sample.quick).fit
    #expect(abs(fit.curve.breakStep / plain.curve.breakStep - 64) < 1e-4)
    #expect(abs(fit.curve.breakLoss / plain.curve.breakLoss - 1e6) < 1)
    #expect(abs(fit.curve.finalRate - plain.curve.finalRate) < 1e-7)
  }

  @Test func `Points up to the cut are not fitted`() throws {
    let sample = Sample.prepared(from: 20)
    let losses = zip(sample.steps, sample.losses).map { $0 <= 150 ? 3 * $1 : $1 }
    var options = Sample.quick
    options.skip = 150
    let fit = try CurveAnalysis.run(Sample.prepared(sample.steps, losses), options: options).fit
    #expect(fit.firstStep > 150)
    #expect(abs(fit.curve.b - Sample.oneBreak.b) < 1e-6)
  }

  @Test(.enabled(if: Sample.hasPublished))
  func `The published fits come out of the published curves, from all sixty starts`() throws {
    let bytes = try #require(Sample.shared("data/curves/published_smoothed.json"))
    let wanted = try JSON(parsing: try #require(Sample.shared("fixtures/bnsl/fits.json")))
    let curves = try CurveImport()(bytes, file: "published_smoothed.json")
    #expect(curves.map(\.run) == ["14M", "144M", "472M", "OLMo-7B"])
    for curve in curves {
      let want = try #require(wanted[curve.run])
      let isLast = curve.run == "OLMo-7B"
      let options = CurveAnalysis.Options(resamples: 0, cuts: isLast ? nil : [])
      let analysis = try CurveAnalysis.run(curve, options: options)
      let fit = analysis.fit
      let best = try #require(want["multistart"]?["popt"]?.array).compactMap(\.double)
      let got = [fit.curve.b, fit.curve.c0, fit.curve.c1, fit.curve.logD1, fit.curve.f1]
      for (a, b) in zip(got, best) { #expect(abs(a / b - 1) < 1e-6) }
      #expect(fit.quality.sse <= (try #require(want["sse"]?.double)))
      #expect(Int(fit.curve.breakStep) == want["td"]?.integer)
      #expect(fit.startsAtOptimum == 60)
      // Of the largest, a power law and a wide step say as much.
      #expect(analysis.verdict == (isLast ? .noBreak : .deceleration))
      if isLast {
        #expect(analysis.sensitivity.map(\.skip) == [30, 100, 300])
        #expect(analysis.sensitivity.map { Int($0.curve.breakStep.rounded()) } == [8752, 4628, 1989])
      }
    }
  }
}
