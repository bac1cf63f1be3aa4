import Compute
import Testing

@Suite struct PublishedRunTests {
  let run = PublishedRun(
    name: "14M", curve: OneBreak(b: 18.42228, c0: 0.1745420, c1: -0.1620251, logD1: 7.1, f1: 0.203022),
    lastStep: 20_000)

  @Test func `A generated curve, prepared and fitted, gives the parameters it was made from`() throws {
    let curve = try run.generate(noise: 0.02, seed: 1)
    #expect(curve.steps == Array(1...20_000))
    let fit = try CurveAnalysis.run(curve, options: Sample.quick).fit
    #expect(abs(fit.curve.logD1 - 7.1) < 0.1)
    #expect(abs(fit.curve.breakLoss / run.curve.breakLoss - 1) < 0.02)
    #expect(abs(fit.curve.finalRate - run.curve.finalRate) < 0.005)
  }

  @Test func `It starts where a uniform guess does, and depends on seed and name alone`() throws {
    let curve = try run.generate(noise: 0, seed: 1)
    #expect((9.5...10.83).contains(curve.losses[0]))
    #expect(curve.losses[0] > curve.losses[100])
    let noisy = try run.generate(noise: 0.02, seed: 1)
    #expect(try run.generate(noise: 0.02, seed: 1) == noisy)
    #expect(try run.generate(noise: 0.02, seed: 2) != noisy)
  }
}
