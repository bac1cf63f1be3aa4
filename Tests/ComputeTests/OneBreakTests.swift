import Compute
import Foundation
import Testing

@Suite struct OneBreakTests {
  @Test func `The two forms of a curve are one`() {
    let curve = OneBreak(b: 18.4, c0: 0.17, c1: -0.16, logD1: 8.6, f1: 0.2)
    let mirrored = OneBreak(
      b: curve.b * exp(curve.c1 * curve.logD1), c0: curve.c0 + curve.c1, c1: -curve.c1, logD1: curve.logD1,
      f1: -curve.f1)
    #expect(mirrored.f1 > 0)
    #expect(abs(mirrored.b - curve.b) < 1e-12)
    #expect(abs(mirrored.c0 - curve.c0) < 1e-15)
    for step in [1.0, 100, 5000, 1e6] {
      #expect(abs(mirrored.loss(at: step) - curve.loss(at: step)) < 1e-13)
    }
  }

  @Test func `The loss is the formula's, far before, at and far behind the break`() {
    let curve = OneBreak(b: 20.3, c0: 0.21, c1: -0.187, logD1: 8.7, f1: 0.344)
    for step in [1.0, 3, 100, 6000, 6002.9, 1e5, 1e9, 1e200] {
      let z = (log(step) - curve.logD1) / curve.f1
      let softplus = z > 40 ? z : log1p(exp(z))
      let direct = log(curve.b) - curve.c0 * log(step) - curve.c1 * curve.f1 * softplus
      #expect(abs(curve.logLoss(at: step) - direct) <= 4e-15 * max(1, abs(direct)), "step \(step)")
      #expect(abs(curve.loss(at: step) / exp(direct) - 1) < 1e-12)
    }
  }

  @Test func `The rate is the slope of the curve`() {
    let curve = Sample.oneBreak
    for step in [10.0, 900, 1340, 5000, 1e7] {
      let slope = (curve.logLoss(at: step * 1.0001) - curve.logLoss(at: step / 1.0001)) / (2 * log(1.0001))
      #expect(abs(curve.rate(at: step) + slope) < 1e-7)
    }
  }

  @Test func `The asymptotes meet at t_d and L_d, below the curve`() {
    let curve = Sample.oneBreak
    #expect(abs(curve.earlyAsymptote(at: curve.breakStep) - curve.breakLoss) < 1e-12)
    #expect(abs(curve.lateAsymptote(at: curve.breakStep) - curve.breakLoss) < 1e-12)
    #expect(curve.loss(at: curve.breakStep) > curve.breakLoss)
    #expect(abs(curve.loss(at: 1e9) / curve.lateAsymptote(at: 1e9) - 1) < 1e-9)
  }
}
