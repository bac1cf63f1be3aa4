/// More than one change of slope: two breaks, where they are decisively better than any law with one, and further apart than windows of
/// the losses are wide, which tell no nearer places apart.
public struct SlopeChanges: Sendable, Hashable {
  /// The steps of the breaks, in order.
  public let steps: [Double]
  /// The exponents before, between and behind them.
  public let rates: [Double]
  /// Those of the steps and exponents; nil if no resamples were asked for.
  public let intervals: LawIntervals?
  /// How much better than the best law with one break, as 2 log of the odds.
  public let ahead: Double

  /// - Returns: nil where one break does as well, as far as can be told.
  init?(_ evidence: BreakEvidence) {
    guard let one = evidence.bestOneBreak, let two = evidence.twoBreaks, two.rates.count == 3,
      one.behind - two.behind > BreakEvidence.decisive, two.areBreaksApart
    else { return nil }
    (steps, rates, intervals) = (two.breaks, two.rates, two.intervals)
    ahead = one.behind - two.behind
  }
}

extension BreakEvidence {
  var bestOneBreak: Law? { laws.first { $0.rates.count == 2 && $0.breaks.count == 1 } }
  var twoBreaks: Law? { laws.first { $0.breaks.count == 2 } }

  /// The law with a break that is told of: with two only where they are decisively better than one. Nil where a law without one is ahead,
  /// or only two breaks that windows do not tell apart are decisively better than that: these are one change, of another form.
  var brokenLaw: Law? {
    guard margin > 0, let smooth = bestSmooth, let best = bestBroken else { return nil }
    if SlopeChanges(self) != nil { return twoBreaks }
    guard let one = bestOneBreak else { return nil }
    return best.areBreaksApart || smooth.behind - one.behind > BreakEvidence.decisive ? one : nil
  }

  /// How much better than the best law without a break that of the one-break fit is, of which t_d is; negative if it is worse.
  public var marginOfOneBreakFit: Double? {
    guard let one = laws.first(where: \.isOneBreakFit), let smooth = bestSmooth else { return nil }
    return smooth.behind - one.behind
  }
}

extension BreakEvidence.Law {
  /// Whether its breaks are further apart than windows of the losses are wide.
  var areBreaksApart: Bool { zip(breaks, breaks.dropFirst()).allSatisfy { $1 > $0 * LossWindow.ratio } }

  /// Why there are no intervals of its breaks, as half a sentence; nil if there are, or it has none.
  public var obstacle: String? {
    guard !breaks.isEmpty else { return nil }
    guard let intervals else { return "no resamples of this law were made" }
    return intervals.obstacle
  }

  /// Whether it is the law of the one-break fit, and no other with a break.
  public var isOneBreakFit: Bool { name == BrokenPowerLaw(breaks: 1).name }
}

extension CurveAnalysis {
  /// Nil where no law with a break is supported, or one break is enough.
  public var slopeChanges: SlopeChanges? {
    verdict == .deceleration || verdict == .saturating ? evidence.flatMap(SlopeChanges.init) : nil
  }

  /// The law that the verdict is about: with two breaks only where they are decisively better than one. Nil where none is supported.
  public var supportedLaw: BreakEvidence.Law? {
    switch verdict {
    // A law with a break may be ahead, behind which the loss falls faster; but by less than counts, or contradicted.
    case .noBreak: evidence.flatMap { $0.margin < 0 || $0.supportsBreak ? $0.laws.first : nil }
    case .deceleration, .saturating: evidence?.brokenLaw
    case .warmupBreak, .notDecided: nil
    }
  }

  /// The cuts of the transient with which t_d leaves its interval.
  public var movingCuts: [CutSensitivity] { sensitivity.leaving(intervals?.breakStep) }
}

extension [CutSensitivity] {
  /// Those whose t_d is not in an interval; none where that is not known.
  func leaving(_ interval: BootstrapIntervals.Interval?) -> [CutSensitivity] {
    guard let interval else { return [] }
    return filter { $0.curve.breakStep < interval.lower || $0.curve.breakStep > interval.upper }
  }
}
