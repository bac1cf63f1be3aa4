internal import System

/// How much of a deceleration comes from losses that change less, and how much from changes that cancel. For each pair of
/// checkpoints t -> 2t the progress -dL is M (1 - D) where the mean loss falls. On each side of the deceleration step t_d,
/// progress and M are averaged over pairs; what is left of M is progress / M, so that log(progress) = log M +
/// log(progress / M) on each side, and for the difference between them.
///
/// A pair whose mean loss rises is negative progress. The pair that spans t_d is on neither side.
public struct RateDecomposition: Sendable, Hashable {
  /// A pair of checkpoints.
  public struct Pair: Sendable, Hashable {
    public let from, to: Int
    /// Of the mean loss, in nats a token; negative where it falls.
    public let change: Double
    /// nil where no loss has changed.
    public let destructive: Double?
    public let magnitude: Double

    /// Nil where the mean loss does not fall.
    public var factors: Factors? { Factors(progress: -change, magnitude: magnitude) }
  }

  /// Natural logarithms of the progress -dL, M and 1 - D, or differences of such.
  public struct Factors: Sendable, Hashable {
    public let rate, magnitude, constructive: Double

    /// M's and (1 - D)'s part of the whole; nil where the rate has not fallen.
    public var shares: (magnitude: Double, constructive: Double)? {
      rate < 0 ? (magnitude / rate, constructive / rate) : nil
    }
  }

  /// Where the loss decelerates: t_d, and the 95 % interval that its fit gives; or a step that somebody chose.
  public struct Deceleration: Sendable, Hashable {
    public let step: Double
    public let interval: BootstrapIntervals.Interval?
    public let isChosen: Bool

    public init(step: Double, interval: BootstrapIntervals.Interval? = nil, isChosen: Bool = false) {
      self.step = step
      self.interval = interval
      self.isChosen = isChosen
    }

    /// A t_d that the interval makes likely: its logarithm is normal on either side of that of t_d, so that the ends of the
    /// interval are those of 95 %.
    func drawn(_ normal: Double) -> Double {
      guard let interval, interval.lower > 0, interval.lower <= step, step <= interval.upper else {
        return step
      }
      let ratio = normal < 0 ? step / interval.lower : interval.upper / step
      return step * Elementary.exp(Elementary.log(ratio) * normal / StudentT.normalQuantile)
    }
  }

  /// What the shares are computed from.
  public struct Split: Sendable, Hashable {
    /// t of the pairs t -> 2t on each side.
    public let before, after: [Int]
    /// t of the pair that spans t_d; nil where t_d is a checkpoint, or it is left out.
    public let across: Int?
    /// After minus before.
    public let change: Factors
    /// The progress after, as a part of that before.
    public var progressRatio: Double { Elementary.exp(change.rate) }
    /// The part of 1 - D with at most 1, 2, ... pairs on each side, as far as there are more; nil where the progress has not
    /// shrunk.
    public let destructiveSharesByWindow: [Double?]
    /// The 95 % interval of the part of 1 - D over sequences and t_d: that of this training. Nil without a bootstrap, where there are
    /// too few sequences for one, or where too many resamples have no such part.
    public let destructiveShareInterval: BootstrapIntervals.Interval?
    /// `change.rate`, and by how much the mean D after is larger than that before, over the same resamples of sequences and t_d.
    /// The second is nil where a pair has no D.
    public let rate: ResampledDifference
    public let destructive: ResampledDifference?
    /// Of so many resamples, so many have no part of 1 - D, as the progress does not shrink in them or cannot be compared.
    public let resamples, resamplesWithoutShare: Int
  }

  public let run: String
  /// t_d, or the step that was chosen; nil where the loss does not decelerate and none was.
  public let breakStep: Double?
  /// Whether the step was chosen, and is no deceleration.
  public let isChosen: Bool
  /// Pairs that begin before this update are the transient or the warm-up, and on neither side.
  public let firstStep: Int
  /// In the order of the training.
  public let pairs: [Pair]
  /// Nil without a deceleration, where one of its sides has no pair, or the loss does not fall there.
  public let split: Split?
}

extension RateDecomposition {
  /// - Parameters:
  ///   - changes: of pairs of checkpoints of one run, all of the same ratio, on the same tokens.
  ///   - deceleration: nil where the loss does not decelerate.
  ///   - skip: pairs that begin before this update are left out of the split.
  ///   - window: how many pairs there are at most on each side of t_d, the nearest ones.
  public init(
    _ changes: [LossChanges], deceleration: Deceleration?, skip: Int, window: Int,
    bootstrap: SequenceBootstrap
  ) throws {
    let changes = changes.sorted { ($0.from, $0.to) < ($1.from, $1.to) }
    try Self.check(changes)
    run = changes[0].run
    breakStep = deceleration?.step
    isChosen = deceleration?.isChosen ?? false
    firstStep = skip
    let pairs = changes.map { Pair(from: $0.from, to: $0.to, $0.interference) }
    self.pairs = pairs
    guard let deceleration, let sides = Sides(pairs, deceleration.step, from: skip, window: window),
      let change = sides.change(pairs)
    else {
      split = nil
      return
    }
    // The same sequences are drawn for all pairs, which share them.
    let sequences = changes.map(\.sequences)
    var (shares, rates, cancelled): ([Double], [Double], [Double]) = ([], [], [])
    let random = Philox(seed: UInt64(bitPattern: Int64(bootstrap.seed)))
    for resample in 0..<bootstrap.resamples {
      try Task.checkCancellation()
      var sums = changes.map { _ in LossInterference() }
      for sequence in bootstrap.draw(resample, of: sequences[0].count) {
        for index in sums.indices { sums[index] += sequences[index][sequence] }
      }
      let drawn = zip(changes, sums).map { Pair(from: $0.from, to: $0.to, $1) }
      let step = deceleration.drawn(random.normals(stream: Streams.decelerations, index: UInt64(resample)).0)
      guard let sides = Sides(drawn, step, from: skip, window: window) else { continue }
      if let change = sides.destructiveChange(drawn) { cancelled.append(change) }
      guard let change = sides.change(drawn) else { continue }
      rates.append(change.rate)
      if let share = change.shares?.constructive { shares.append(share) }
    }
    let count = sequences[0].count
    let most = max(1, Sides(pairs, deceleration.step, from: skip, window: pairs.count)?.longest ?? 1)
    split = Split(
      before: sides.before.map { pairs[$0].from }, after: sides.after.map { pairs[$0].from },
      across: pairs.first {
        $0.from >= skip && Double($0.from) < deceleration.step && deceleration.step < Double($0.to)
      }?.from,
      change: change,
      destructiveSharesByWindow: (1...most).map {
        Sides(pairs, deceleration.step, from: skip, window: $0)?.change(pairs)?.shares?.constructive
      },
      destructiveShareInterval: bootstrap.interval(shares, of: count),
      rate: ResampledDifference(change.rate, rates, of: count, bootstrap),
      destructive: sides.destructiveChange(pairs).map {
        ResampledDifference($0, cancelled, of: count, bootstrap)
      }, resamples: bootstrap.resamples, resamplesWithoutShare: bootstrap.resamples - shares.count)
  }

  /// The places of the pairs on both sides of t_d.
  private struct Sides {
    let before, after: [Int]

    /// Nil where a side has none.
    init?(_ pairs: [Pair], _ step: Double, from first: Int, window: Int) {
      let usable = pairs.indices.filter { pairs[$0].from >= first }
      before = Array(usable.filter { Double(pairs[$0].to) <= step }.suffix(window))
      after = Array(usable.filter { Double(pairs[$0].from) >= step }.prefix(window))
      if before.isEmpty || after.isEmpty { return nil }
    }

    var longest: Int { max(before.count, after.count) }

    /// The mean D after less that before; nil where a pair has none.
    func destructiveChange(_ pairs: [Pair]) -> Double? {
      func mean(_ side: [Int]) -> Double? {
        let values = side.compactMap { pairs[$0].destructive }
        return values.count == side.count ? Sums.mean(values) : nil
      }
      guard let after = mean(after), let before = mean(before) else { return nil }
      return after - before
    }

    /// Nil where the mean loss does not fall on one of the sides.
    func change(_ pairs: [Pair]) -> Factors? {
      func factors(_ side: [Int]) -> Factors? {
        Factors(
          progress: -Sums.mean(side.map { pairs[$0].change }),
          magnitude: Sums.mean(side.map { pairs[$0].magnitude }))
      }
      guard let after = factors(after), let before = factors(before) else { return nil }
      return Factors(
        rate: after.rate - before.rate, magnitude: after.magnitude - before.magnitude,
        constructive: after.constructive - before.constructive)
    }
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
  init?(progress: Double, magnitude: Double) {
    guard progress > 0, magnitude > 0 else { return nil }
    rate = Elementary.log(progress)
    self.magnitude = Elementary.log(magnitude)
    constructive = Elementary.log(progress / magnitude)
  }
}
