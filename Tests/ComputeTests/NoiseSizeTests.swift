import Foundation
import JSON
import System
import Testing

@testable import Compute

/// How well the size of noise is known, and what is made of it.
@Suite struct NoiseSizeTests {
  /// Squares of so many independent points, of variance 4.
  private func noise(_ points: [Double]) -> StepNoise {
    StepNoise(
      points.enumerated().map {
        StepNoise.Sum(first: 1000 >> $0, points: $1, squares: 4 * $1, products: 0)
      }, course: 0, isCorrelated: false)
  }

  @Test func `A size that few points tell is drawn so that intervals of a mean are Student's`() {
    let random = Philox(seed: 7)
    let few = noise([6])
    let draws = (0..<20_000).map { stream in
      few.drawnDeviations(random, stream: UInt32(stream))[0]
        * random.normals(stream: UInt32(stream), index: 0).0
    }
    let share = { (end: Double) in Double(draws.count { abs($0) > 2 * end }) / 20_000 }
    #expect(abs(share(StudentT.quantile(tails: 0.05, degrees: 6)) - 0.05) < 0.006)
    #expect(share(StudentT.normalQuantile) > 0.08)
  }

  @Test func `Stretches share what they know, and known sizes are not drawn`() throws {
    let random = Philox(seed: 1)
    func scatter(_ noise: StepNoise, _ stretch: Int) -> Double {
      let logs = (0..<2000).map { log(noise.drawnDeviations(random, stream: UInt32($0))[stretch]) }
      let mean = logs.reduce(0, +) / 2000
      return (logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2000).squareRoot()
    }
    // The logarithm of a deviation with n degrees of freedom scatters by 1 / sqrt(2 n).
    #expect(abs(scatter(noise([200]), 0) * 400.0.squareRoot() - 1) < 0.1)
    // 30 of its own points and 10 of the stretch behind it: its variance scatters by 9/16 of 2/30 and 1/16 of 2/200, as that of 52.5.
    #expect(abs(scatter(noise([200, 30]), 1) * 105.0.squareRoot() - 1) < 0.1)
    #expect(abs(scatter(noise([200, 0]), 1) * 400.0.squareRoot() - 1) < 0.1)
    // As curves have it that an earlier revision has prepared.
    var members = try #require(noise([4, 2]).json.object)
    (members["freedom"], members["inherited"]) = (nil, nil)
    let known = try StepNoise(json: .object(members))
    #expect(known.drawnDeviations(random, stream: 0) == [2, 2] && known.json == .object(members))
  }

  @Test func `The size of the noise of some logged losses is drawn, and read as it is written`() throws {
    let losses = (1...60).map { 3 + sin(Double($0) * Double($0)) }
    let curve = try Preparation()(Curve(run: "a", steps: (1...60).map { 500 * $0 }, losses: losses))
    let noise = try #require(curve.origin?.noise)
    #expect(noise.stretches.allSatisfy { $0.freedom.isFinite })
    #expect(noise.drawnDeviations(Philox(seed: 1), stream: 0) != noise.stretches.map(\.deviation))
    #expect(try StepNoise(json: noise.json) == noise)
    for (name, value) in [("freedom", [-1.0, 1]), ("inherited", [0, 2.0]), ("freedom", [1.0])] {
      var members = try #require(self.noise([4, 2]).json.object)
      members[name] = .numbers(value)
      #expect(throws: Failure.self) { try StepNoise(json: .object(members)) }
    }
  }

  @Test(arguments: [100, 1000])
  func `Strongly autocorrelated noise is found to be that, however short the curve`(count: Int) {
    for seed in 0..<40 as Range<UInt64> {
      let random = Philox(seed: seed)
      var level = random.normals(stream: 0, index: 0).0
      let losses = (1...count).map { index in
        level = 0.9 * level + 0.19.squareRoot() * random.normals(stream: 0, index: UInt64(index)).0
        return level
      }
      let noise = StepNoise(steps: (1...count).map { 500 * $0 }, logLosses: losses)
      #expect((0.5...0.995).contains(noise.persistence), "\(seed): \(noise)")
    }
  }

  @Test func `Of thousands of strays some are compared with those that share steps, and tell as much`() throws
  {
    let x = (0..<4000).map(Double.init)
    var asked = 0
    let own = { (a: Int, b: Int) in
      asked += 1
      return a == b ? 1.0 : 0
    }
    let strays = (1..<3999).compactMap { PointStray($0, x: x, shared: own) }
    asked = 0
    let wanted = 3998 / (1 + 2 * (4.0 / 9 + 1.0 / 36))
    #expect(abs(try strays.independent(own) / wanted - 1) < 0.01)
    #expect(asked < 20_000)
  }

  @Test func `Strays of neighbours tell less than independent ones, by what their correlation says`() throws {
    let x = (0..<200).map(Double.init)
    let own = { (a: Int, b: Int) in a == b ? 1.0 : 0 }
    let strays = (1..<199).compactMap { PointStray($0, x: x, shared: own) }
    // Second differences of independent points are correlated by -2/3 and 1/6.
    let wanted = 198 / (1 + 2 * (4.0 / 9 + 1.0 / 36))
    #expect(abs(try strays.independent(own) / wanted - 1) < 0.01)
    #expect(abs(strays[0].variance - 1.5) < 1e-12)
  }

  /// Those of the published smoothing, of losses from step 0 on.
  @Test func `A smoothed point is taken for the mean of the steps that it is the mean of`() throws {
    let losses = (0...2000).map { 3 + sin(Double($0) * Double($0)) }
    let curve = try Preparation()(Curve(run: "a", steps: Array(0...2000), losses: losses))
    #expect(curve.steps.count > 150)
    for (step, loss) in zip(curve.steps, curve.losses) {
      let window = losses[LossWindow.smoothed(step)]
      #expect(abs(window.reduce(0, +) / Double(window.count) - loss) < 1e-12, "\(step)")
    }
  }

  @Test func `Values that are missing count beyond both ends`() {
    let values = (1...78).map(Double.init)
    let all = BootstrapIntervals.Interval(values + [79])
    let some = BootstrapIntervals.Interval(values, missing: 1)
    #expect(abs(all.lower - 2) < 1e-9 && abs(all.upper - 78) < 1e-9)
    #expect(abs(some.lower - 1) < 1e-9 && abs(some.upper - 78) < 1e-9)
  }
}
