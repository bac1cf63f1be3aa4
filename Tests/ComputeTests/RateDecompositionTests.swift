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
      changes, breakStep: breakStep, skip: skip, window: window, bootstrap: bootstrap)
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

  @Test func `The pair across the deceleration, the transient and far pairs are left out`() throws {
    let changes = try [1, 2, 4, 8, 16, 32, 64].map { try Self.changes($0, rising: 1, magnitude: 1) }
    let split = try #require(try Self.decomposition(changes, breakStep: 12, skip: 2, window: 2).split)
    #expect(split.before == [2, 4] && split.after == [16, 32])
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
    for decomposition in [
      try Self.decomposition(changes), try Self.decomposition(changes, breakStep: nil),
    ] {
      #expect(try RateDecomposition(json: decomposition.json) == decomposition)
    }
    #expect(throws: Failure.self) { try RateDecomposition(json: ["run": "r"]) }
  }
}
