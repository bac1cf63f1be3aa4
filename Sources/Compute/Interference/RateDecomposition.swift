internal import System

/// How much of a deceleration comes from losses that change less, and how much from changes that cancel. Since |dL| =
/// M (1 - D), log |dL| = log M + log(1 - D) for each pair of checkpoints, and so does any difference between means of these
/// logarithms: before the deceleration point t_d and after it.
public struct RateDecomposition: Sendable, Hashable {
  /// A pair of checkpoints.
  public struct Pair: Sendable, Hashable {
    public let from, to: Int
    /// Of the mean loss, in nats a token.
    public let change: Double
    /// nil where no loss has changed.
    public let destructive: Double?
    public let magnitude: Double

    /// Nil where the mean loss has not changed.
    public var factors: Factors? { Factors(change: change, magnitude: magnitude) }
  }

  /// Natural logarithms of |dL|, M and 1 - D, or differences of such.
  public struct Factors: Sendable, Hashable {
    public let rate, magnitude, constructive: Double

    /// M's and (1 - D)'s part of the whole; nil where the rate has not fallen.
    public var shares: (magnitude: Double, constructive: Double)? {
      rate < 0 ? (magnitude / rate, constructive / rate) : nil
    }
  }

  /// What the shares are computed from.
  public struct Split: Sendable, Hashable {
    /// t of the pairs t -> 2t on each side.
    public let before, after: [Int]
    /// Mean after minus mean before.
    public let change: Factors
    /// 95 % intervals over sequences, with t_d and the pairs as they are; nil without a bootstrap.
    public let destructiveShareInterval, rateInterval: BootstrapIntervals.Interval?
  }

  public let run: String
  /// t_d; nil where the loss does not decelerate.
  public let breakStep: Double?
  /// In the order of the training.
  public let pairs: [Pair]
  /// Nil without a deceleration, or where one of its sides has no pair.
  public let split: Split?
}

extension RateDecomposition {
  /// - Parameters:
  ///   - changes: of pairs of checkpoints of one run, all of the same ratio, on the same tokens.
  ///   - breakStep: t_d, where the loss decelerates.
  ///   - skip: pairs that begin before this update are left out of the split.
  ///   - window: how many pairs there are at most on each side of t_d, the nearest ones.
  public init(
    _ changes: [LossChanges], breakStep: Double?, skip: Int, window: Int, bootstrap: SequenceBootstrap
  ) throws {
    let changes = changes.sorted { ($0.from, $0.to) < ($1.from, $1.to) }
    try Self.check(changes)
    run = changes[0].run
    self.breakStep = breakStep
    pairs = changes.map { Pair(from: $0.from, to: $0.to, $0.interference) }
    guard let breakStep else {
      split = nil
      return
    }
    let usable = pairs.indices.filter { [pairs] in pairs[$0].factors != nil && pairs[$0].from >= skip }
    let before = usable.filter { [pairs] in Double(pairs[$0].to) <= breakStep }.suffix(window)
    let after = usable.filter { [pairs] in Double(pairs[$0].from) >= breakStep }.prefix(window)
    guard let change = Factors(pairs, before: before, after: after) else {
      split = nil
      return
    }
    // The same sequences are drawn for all pairs, which share them.
    let sequences = changes.map(\.sequences)
    func factors(_ sums: [LossInterference]) -> Factors? {
      Factors(zip(changes, sums).map { Pair(from: $0.from, to: $0.to, $1) }, before: before, after: after)
    }
    let intervals = try bootstrap.intervals(
      of: sequences[0].indices.map { sequence in sequences.map { $0[sequence] } },
      from: changes.map { _ in LossInterference() },
      adding: { sums, more in for index in sums.indices { sums[index] += more[index] } },
      [{ factors($0)?.shares?.constructive }, { factors($0)?.rate }])
    split = Split(
      before: before.map { [pairs] in pairs[$0].from }, after: after.map { [pairs] in pairs[$0].from },
      change: change, destructiveShareInterval: intervals[0], rateInterval: intervals[1])
  }

  private static func check(_ changes: [LossChanges]) throws(Failure) {
    guard let first = changes.first else {
      throw Failure(.unusable, "there are no pairs of checkpoints", hint: "give results of zsl.losses")
    }
    for change in changes {
      guard change.run == first.run, change.stream == first.stream, change.context == first.context,
        change.changes.count == first.changes.count
      else {
        throw Failure(
          .unusable,
          "the changes of losses are of different runs ('\(first.run)', '\(change.run)') or tokens",
          hint: "give those of one run, measured on the same tokens")
      }
      guard change.from > 0, change.to > change.from,
        Double(change.to) / Double(change.from) == Double(first.to) / Double(first.from)
      else {
        throw Failure(
          .unusable,
          "the updates \(change.from) and \(change.to) do not stand in the ratio of \(first.from) and \(first.to)",
          hint: "give pairs of one ratio, such as t and 2t")
      }
    }
    for (one, next) in zip(changes, changes.dropFirst()) where one.from == next.from {
      throw Failure(.unusable, "two of the pairs begin at update \(one.from)")
    }
  }
}

extension RateDecomposition.Pair {
  init(from: Int, to: Int, _ interference: LossInterference) {
    self.init(
      from: from, to: to, change: interference.change, destructive: interference.destructive,
      magnitude: interference.magnitude)
  }
}

extension RateDecomposition.Factors {
  init?(change: Double, magnitude: Double) {
    guard change != 0, magnitude > 0 else { return nil }
    rate = Elementary.log(change.magnitude)
    self.magnitude = Elementary.log(magnitude)
    constructive = Elementary.log(change.magnitude / magnitude)
  }

  /// The mean of the pairs after minus that of the pairs before; nil where there are none, or one has no logarithm.
  init?(_ pairs: [RateDecomposition.Pair], before: some Collection<Int>, after: some Collection<Int>) {
    guard !before.isEmpty, !after.isEmpty else { return nil }
    func mean(_ places: some Collection<Int>, _ value: (Self) -> Double) -> Double? {
      let factors = places.compactMap { pairs[$0].factors }
      return factors.count == places.count ? Sums.mean(factors.map(value)) : nil
    }
    func difference(_ value: (Self) -> Double) -> Double? {
      guard let a = mean(after, value), let b = mean(before, value) else { return nil }
      return a - b
    }
    guard let rate = difference(\.rate), let magnitude = difference(\.magnitude),
      let constructive = difference(\.constructive)
    else { return nil }
    self.init(rate: rate, magnitude: magnitude, constructive: constructive)
  }
}
