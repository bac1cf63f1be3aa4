import JSON
import System
import Testing

@testable import Compute

@Suite struct RateDecompositionTests {
  /// Changes whose D and M are as given: of every four tokens some rise by M and the others fall by it.
  private static func changes(
    _ from: Int, rising: Int, magnitude: Float, run: String = "r", to: Int? = nil, count: Int = 64
  ) throws -> LossChanges {
    let values = (0..<count).map { $0 % 4 < rising ? magnitude : -magnitude }
    let stream = LossInterferenceTests.stream
    return try LossChanges(
      run: run, from: (from, TokenLosses(values.map { _ in 0 }, context: 8, stream: stream)),
      to: (to ?? 2 * from, TokenLosses(values, context: 8, stream: stream)))
  }

  private static let bootstrap = SequenceBootstrap(resamples: 20, seed: 1)

  private static func decomposition(
    _ changes: [LossChanges], breakStep: Double? = 8, skip: Int = 0, window: Int = 3
  ) throws -> RateDecomposition {
    try RateDecomposition(
      changes, deceleration: breakStep.map { .init(step: $0) }, skip: skip, window: window,
      bootstrap: bootstrap)
  }

  @Test func `Cancellation alone accounts for all, and so do smaller changes alone`() throws {
    // D from 0 to .5 at the same M; the pair 4 -> 8 is the last before t_d = 8.
    let cancelling = try Self.decomposition([
      Self.changes(4, rising: 0, magnitude: 1), Self.changes(8, rising: 1, magnitude: 1),
    ])
    let split = try #require(cancelling.split)
    #expect(split.before == [4] && split.after == [8])
    let shares = try #require(split.change.shares)
    #expect(abs(split.change.rate - Elementary.log(0.5)) < 1e-12)
    #expect(abs(shares.constructive - 1) < 1e-12 && abs(shares.magnitude) < 1e-12)

    let shrinking = try Self.decomposition([
      Self.changes(4, rising: 1, magnitude: 1), Self.changes(8, rising: 1, magnitude: 0.25),
    ])
    #expect(abs(try #require(shrinking.split?.change.shares).magnitude - 1) < 1e-12)
  }

  @Test func `The factors of each pair add up, and so do those of the split`() throws {
    let decomposition = try Self.decomposition([
      Self.changes(2, rising: 0, magnitude: 0.9), Self.changes(4, rising: 0, magnitude: 0.7),
      Self.changes(8, rising: 1, magnitude: 0.5), Self.changes(16, rising: 1, magnitude: 0.3),
    ])
    for pair in decomposition.pairs {
      let factors = try #require(pair.factors)
      #expect(abs(factors.rate - factors.magnitude - factors.constructive) < 1e-12)
    }
    let split = try #require(decomposition.split)
    #expect(split.before == [2, 4] && split.after == [8, 16])
    let shares = try #require(split.change.shares)
    #expect(abs(shares.magnitude + shares.constructive - 1) < 1e-12)
    #expect(abs((split.destructiveShareInterval?.lower ?? 0) - shares.constructive) < 1e-9)
  }

  @Test func `A pair whose loss rises is negative progress`() throws {
    // -dL is 1 before; after it 1/2 and -1/2, which is no progress at all, or .5 and -.25.
    let falling = try [4, 8].map { try Self.changes($0, rising: $0 / 8, magnitude: 1) }
    let undone = try Self.decomposition(falling + [Self.changes(16, rising: 3, magnitude: 1)])
    #expect(undone.split == nil)
    #expect(undone.pairs[2].factors == nil && undone.pairs[2].change > 0)
    let slowed = try Self.decomposition(falling + [Self.changes(16, rising: 3, magnitude: 0.5)])
    #expect(abs(try #require(slowed.split).progressRatio - 0.125) < 1e-12)
  }

  @Test func `An uncertain deceleration step moves pairs from side to side`() throws {
    let changes = try [2, 4, 8, 16, 32].map {
      try Self.changes($0, rising: $0 > 8 ? 1 : 0, magnitude: 1 / Float($0))
    }
    func rates(_ interval: BootstrapIntervals.Interval?) throws -> BootstrapIntervals.Interval? {
      try RateDecomposition(
        changes, deceleration: .init(step: 16, interval: interval), skip: 0, window: 1,
        bootstrap: SequenceBootstrap(resamples: 200, seed: 1)
      ).split?.rate.interval
    }
    let certain = try #require(try rates(nil))
    let unsure = try #require(try rates(.init(lower: 5, upper: 20)))
    #expect(abs(certain.upper - certain.lower) < 1e-9)
    #expect(unsure.upper - unsure.lower > 0.3)
    // In too many resamples the step lies where no pair is behind it.
    #expect(try rates(.init(lower: 4, upper: 40)) == nil)
  }

  @Test func `A drawn deceleration step lies in its interval 95 % of the time`() {
    let deceleration = RateDecomposition.Deceleration(step: 97, interval: .init(lower: 78, upper: 113))
    let random = Philox(seed: 3)
    let draws = (0..<4000).map { deceleration.drawn(random.normals(stream: 0, index: UInt64($0)).0) }
    let inside = Double(draws.count { 78 <= $0 && $0 <= 113 }) / 4000
    #expect(abs(inside - 0.95) < 0.0138)
    #expect(abs(Double(draws.count { $0 < 97 }) / 4000 - 0.5) < 0.032)
  }

  /// Of 16 sequences of 4 tokens, whose losses change by numbers that are normal with a mean below 0.
  private static func noisy(_ from: Int, _ stream: UInt32, mean: Double) throws -> LossChanges {
    let random = Philox(seed: 29)
    let values = (0..<64).map {
      Float(mean + random.normals(stream: stream, index: UInt64($0)).0)
    }
    return try LossChanges(
      run: "r",
      from: (from, TokenLosses(values.map { _ in 0 }, context: 4, stream: LossInterferenceTests.stream)),
      to: (2 * from, TokenLosses(values, context: 4, stream: LossInterferenceTests.stream)))
  }

  @Test func `Where nothing changes, D and the progress are found to change in about one of twenty cases`()
    throws
  {
    var found = (destructive: 0, rate: 0)
    for trial in 0..<300 as Range<UInt32> {
      let changes = try [(4, 2 * trial), (8, 2 * trial + 1)].map { try Self.noisy($0, $1, mean: -0.8) }
      let split = try #require(
        try RateDecomposition(
          changes, deceleration: .init(step: 8), skip: 0, window: 1,
          bootstrap: SequenceBootstrap(resamples: 79, seed: Int(trial))
        ).split)
      if split.destructive?.isPositive(level: 0.05) != nil { found.destructive += 1 }
      if split.rate.isPositive(level: 0.05) != nil { found.rate += 1 }
    }
    // 300 trials at 5 % are 15, and with 95 % 8 to 23.
    #expect((4...23).contains(found.destructive) && (4...23).contains(found.rate), "\(found)")
  }

  @Test func `Where the loss hardly falls there is no interval, and it is said how many resamples have none`()
    throws
  {
    let changes = try [(4, 0.8), (8, 0.1)].map { try Self.noisy($0, UInt32($0), mean: -$1) }
    let split = try #require(
      try RateDecomposition(
        changes, deceleration: .init(step: 8), skip: 0, window: 1,
        bootstrap: SequenceBootstrap(resamples: 200, seed: 1)
      ).split)
    // Less than half of the resamples, but more than lie beyond an end.
    #expect((6...99).contains(split.rate.missing), "\(split.rate)")
    #expect(split.rate.interval == nil && split.rate.probabilityOfZero == nil)
    #expect(split.resamplesWithoutShare >= split.rate.missing && split.destructiveShareInterval == nil)
    #expect(split.destructive?.missing == 0 && split.destructive?.interval != nil)
  }

  @Test func `The pair across the deceleration, the transient and far pairs are left out`() throws {
    let changes = try [1, 2, 4, 8, 16, 32, 64].map { try Self.changes($0, rising: 1, magnitude: 1) }
    let split = try #require(try Self.decomposition(changes, breakStep: 12, skip: 2, window: 2).split)
    #expect(split.before == [2, 4] && split.after == [16, 32] && split.across == 8)
    #expect(split.change.shares == nil)
    #expect(try Self.decomposition(changes, breakStep: nil).split == nil)
    #expect(try Self.decomposition(changes, breakStep: 1).split == nil)
    #expect(try Self.decomposition(changes, breakStep: 500).split == nil)
  }

  @Test func `Pairs that do not belong together are refused`() throws {
    let one = try Self.changes(4, rising: 0, magnitude: 1)
    for other in [
      try Self.changes(8, rising: 0, magnitude: 1, run: "other"),
      try Self.changes(8, rising: 0, magnitude: 1, to: 12),
      try Self.changes(8, rising: 0, magnitude: 1, count: 32), one,
    ] {
      #expect(throws: Failure.self) { try Self.decomposition([one, other]) }
    }
    #expect(throws: Failure.self) { try Self.decomposition([]) }
  }

  @Test func `A result is read back as it was written`() throws {
    let changes = try [4, 8].map { try Self.changes($0, rising: $0 / 8, magnitude: 1) }
    let chosen = try RateDecomposition(
      changes, deceleration: .init(step: 8, isChosen: true), skip: 0, window: 3, bootstrap: Self.bootstrap)
    #expect(chosen.isChosen && chosen.json["t_d"]?.isNull == true && chosen.split != nil)
    #expect(chosen.split?.rate.missing == 0 && chosen.split?.resamples == 20)
    for decomposition in [
      try Self.decomposition(changes), try Self.decomposition(changes, breakStep: nil), chosen,
    ] {
      #expect(try RateDecomposition(json: decomposition.json) == decomposition)
    }
    #expect(throws: Failure.self) { try RateDecomposition(json: ["run": "r"]) }
  }
}
