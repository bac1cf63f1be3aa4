import Testing

@testable import Compute

@Suite struct SequenceBootstrapTests {
  private static func mean(
    of values: [Double], seed: Int, within range: ClosedRange<Double> = -.infinity ... .infinity
  ) throws -> BootstrapIntervals.Interval? {
    try SequenceBootstrap(resamples: 100, seed: seed).intervals(
      of: values, from: 0, adding: +=, [(range, { $0 / Double(values.count) })])[0]
  }

  @Test(arguments: [4, 6, 12])
  func `Intervals over few sequences hold the truth about as often as they say`(sequences: Int) throws {
    let random = Philox(seed: 23)
    var held = 0
    for trial in 0..<1000 as Range<UInt32> {
      let values = (0..<sequences).map { random.normals(stream: trial, index: UInt64($0)).0 }
      let interval = try #require(try Self.mean(of: values, seed: Int(trial)))
      if interval.lower <= 0 && 0 <= interval.upper { held += 1 }
    }
    // Percentiles alone hold it in 81, 86 and 91 % of cases.
    #expect((920...980).contains(held))
  }

  @Test func `Fewer than four sequences have no interval, and it is said why`() throws {
    let bootstrap = SequenceBootstrap(resamples: 39, seed: 1)
    #expect(try Self.mean(of: [1, 2, 3], seed: 1) == nil)
    #expect(try Self.mean(of: [1, 2, 3, 4], seed: 1) != nil)
    #expect(
      bootstrap.obstacle(sequences: 3)
        == "there are no 95 % intervals: they take at least 4 sequences, and there are 3")
    #expect(bootstrap.obstacle(sequences: 1)?.hasSuffix("and there is one") == true)
    #expect(bootstrap.obstacle(sequences: 4) == nil)
    #expect(SequenceBootstrap(resamples: 0, seed: 1).obstacle(sequences: 3) == nil)
  }

  @Test func `Resamples without a value take an interval's ends away once they are more than lie beyond one`()
  {
    let bootstrap = SequenceBootstrap(resamples: 200, seed: 1)
    let values = (0..<200).map(Double.init)
    #expect(bootstrap.interval(Array(values.dropFirst(5)), of: 8) != nil)
    #expect(bootstrap.interval(Array(values.dropFirst(6)), of: 8) == nil)
    #expect(SequenceBootstrap(resamples: 0, seed: 1).interval([], of: 8) == nil)
  }

  @Test func `Resamples without a value are counted beyond either end`() throws {
    let bootstrap = SequenceBootstrap(resamples: 200, seed: 1)
    // From 5 to 199, each end moved away from the median 102 by t(7) / z sqrt(8 / 7) - 1.
    let beyond = 2.364624 / 1.959964 * (8.0 / 7).squareRoot() - 1
    let interval = try #require(bootstrap.interval((5..<200).map(Double.init), of: 8))
    #expect(abs(interval.lower - (5 - 97 * beyond)) < 1e-3)
    #expect(abs(interval.upper - (199 + 97 * beyond)) < 1e-3)
  }

  @Test func `An interval ends where the quantity does`() throws {
    let values = [0.02, 0.5, 0.98, 0.97]
    let free = try #require(try Self.mean(of: values, seed: 1))
    #expect(free.lower < 0 && free.upper > 1)
    let bounded = try #require(try Self.mean(of: values, seed: 1, within: 0...1))
    #expect(bounded.lower == 0 && bounded.upper == 1)
  }
}
