/// The verdict over a fit and its reasons: what is said of the family of laws comes first, what is said of the one-break fit
/// after it.
struct Judgement {
  private(set) var verdict = Verdict.notDecided
  private(set) var reasons: [String] = []

  private let fit: OneBreakFit
  private let evidence: BreakEvidence?

  init(
    fit: OneBreakFit, evidence: BreakEvidence?, intervals: BootstrapIntervals?,
    sensitivity: [CutSensitivity], smoothed: SmoothedLaw?, unsmoothed: UnsmoothedLaw?,
    options: CurveAnalysis.Options
  ) {
    self.fit = fit
    self.evidence = evidence
    decide(options)
    describeMargin()
    describeBreaks()
    if let smoothed { describeLag(smoothed, unsmoothed) }
    caution(intervals, sensitivity)
  }

  private mutating func decide(_ options: CurveAnalysis.Options) {
    guard let evidence, let smooth = evidence.bestSmooth, let broken = evidence.bestBroken else {
      reasons.append("There are too few points at different places of log t to tell laws apart.")
      return
    }
    guard evidence.margin > 0 || evidence.margin <= -BreakEvidence.decisive else {
      reasons.append(
        "No law with a break does better than \(smooth.name.article), but the best (\(broken.name)) is only "
          + "\(rounded(-evidence.margin)) behind, so this is not decided.")
      return
    }
    guard evidence.margin > 0 else {
      verdict = .noBreak
      reasons.append(
        "\(smooth.name.sentence) is enough: no law with a break does better (the best, \(broken.name), is "
          + "\(rounded(-evidence.margin)) behind).")
      return
    }
    let ahead =
      "Of \(evidence.laws.count) laws the best has a break (\(broken.name)), \(rounded(evidence.margin)) ahead of the best without "
      + "(\(smooth.name)); \(rounded(BreakEvidence.decisive)) would be by chance at most one time in 20"
    guard let fall = broken.fall else {
      verdict = .noBreak
      reasons.append("\(ahead). Behind its break the loss falls faster than before: this is no deceleration.")
      return
    }
    // Windows of the losses, like the published smoothing, tell no places apart that are nearer to each other.
    let end = options.warmup.map { Double($0) * LossWindow.ratio }
    if let end, max(fall.step, fit.curve.breakStep) <= end {
      verdict = .warmupBreak
      reasons.append(
        "\(ahead). The break at step \(whole(fall.step)) is no later than the end of the warm-up at step "
          + "\(options.warmup ?? 0), as far as windows of the losses can tell.")
      return
    }
    guard evidence.margin > BreakEvidence.decisive else {
      reasons.append("\(ahead), so this is not decided.")
      return
    }
    guard evidence.brokenLaw != nil else {
      let places = broken.breaks.map(whole).joined(separator: " and ")
      reasons.append(
        "\(ahead). But its breaks, at steps \(places), are no further apart than windows of the losses are wide, which tell no more of "
          + "them than that the loss changes there, and no law with one break is decisively ahead; so this is not decided."
      )
      return
    }
    if let part = evidence.contradiction {
      let start = part.firstStep > fit.firstStep
      let isAtStart = start && fall.step < Double(part.firstStep)
      verdict = isAtStart && options.warmup == nil ? .warmupBreak : .notDecided
      reasons.append(
        "\(ahead). In steps \(part.firstStep) to \(part.lastStep) alone, a law without a break is \(rounded(-part.margin)) ahead"
          + (isAtStart
            ? ": nothing tells the break at step \(whole(fall.step)) from the end of a warm-up."
            : ", so this is not decided."))
      return
    }
    if let prediction = evidence.betterPrediction {
      reasons.append(
        "\(ahead). But fitted to the steps before \(prediction.firstStep) alone, \(prediction.rival.article) predicts the others "
          + "better, by \(rounded(prediction.advantage)), so this is not decided.")
      return
    }
    if fall.rate <= 0 {
      verdict = .saturating
      reasons.append("\(ahead). Behind the break at step \(whole(fall.step)) the loss no longer falls.")
      return
    }
    guard fit.curve.c1 < 0, fit.curve.finalRate > 0 else {
      reasons.append(
        "\(ahead). The loss decelerates, but the one-break fit does not show it: its t_d means nothing.")
      return
    }
    verdict = .deceleration
    reasons.append("\(ahead). \(parts(evidence))")
  }

  /// What parts of the run say of a break that none of them contradicts; those with too few windows have not been looked at.
  private func parts(_ evidence: BreakEvidence) -> String {
    let isSeenLater = evidence.parts.contains { $0.lastStep >= fit.lastStep }
    let isSeenEarlier = evidence.parts.contains { $0.lastStep < fit.lastStep }
    let later =
      isSeenLater
      ? "Nothing contradicts it without the start of the run"
      : "Without the start too little of the run is left to tell whether that contradicts it"
    let earlier =
      switch (evidence.isPredictable, isSeenEarlier) {
      case (true, _):
        "of laws fitted to its first half none without a break predicts the second decisively better"
      case (false, true): "nothing does without its second half"
      case (false, false): "without its second half too little is left to tell"
      }
    return "\(later); \(earlier)."
  }

  /// Whose margin decided, where it is not that of the law that t_d is of.
  private mutating func describeMargin() {
    guard verdict == .deceleration || verdict == .saturating, let evidence, let best = evidence.bestBroken,
      !best.isOneBreakFit, let smooth = evidence.bestSmooth, let margin = evidence.marginOfOneBreakFit
    else { return }
    reasons.append(
      "The margin of \(rounded(evidence.margin)) over the best law without a break is that of \(best.name.article). Under the same "
        + "noise the one-break fit, of which t_d is, is \(rounded(margin.magnitude)) \(margin < 0 ? "behind" : "ahead of") "
        + "\(smooth.name.article).")
  }

  /// More than one change of slope, and a loss that falls faster again.
  private mutating func describeBreaks() {
    guard verdict != .noBreak, let changes = evidence.flatMap(SlopeChanges.init) else { return }
    guard verdict == .deceleration || verdict == .saturating else {
      reasons.append("If there is a break, two are \(rounded(changes.ahead)) ahead of one.")
      return
    }
    reasons.append(verdict == .deceleration ? changes.sentence : changes.places)
    if changes.rates[2] > changes.rates[1] {
      reasons.append(
        "From about step \(whole(changes.steps[1])) on the loss falls faster again, as in a learning-rate cool-down, which one break "
          + "cannot describe.")
    }
  }

  /// A point at t of a smoothed curve is a mean over t / base to t, so that what happens in the losses shows later in it.
  private mutating func describeLag(_ smoothed: SmoothedLaw, _ law: UnsmoothedLaw?) {
    guard verdict == .deceleration || verdict == .saturating else { return }
    let lag =
      "t_d is that of the smoothed curve, of which a point is a mean over steps t / \(rounded(smoothed.base)) to t"
      + (smoothed.modelled == .publishedSmoothing ? ", if it was smoothed as published," : "")
      + " and so comes later"
    guard let law else {
      reasons.append("\(lag); what it is of the losses themselves was not found.")
      return
    }
    let ends = law.intervals.map { " (\(whole($0.breakStep.lower)) to \(whole($0.breakStep.upper)))" } ?? ""
    reasons.append("\(lag): of the losses themselves it is about \(whole(law.breakStep))\(ends).")
  }

  private mutating func caution(_ intervals: BootstrapIntervals?, _ sensitivity: [CutSensitivity]) {
    describeEnd(intervals?.finalRate)
    if !sensitivity.leaving(intervals?.breakStep).isEmpty {
      let rows = sensitivity.map { "\(whole($0.curve.breakStep)) for \($0.skip)" }.joined(separator: ", ")
      reasons.append("t_d moves with the cut of the transient, beyond its interval: \(rows).")
    }
    if verdict == .noBreak { return }
    if fit.isAtBound {
      reasons.append("The one-break fit lies at a bound of the search: t_d is not determined.")
    }
    if fit.startsAtOptimum * 2 < fit.starts {
      reasons.append("Only \(fit.startsAtOptimum) of \(fit.starts) starts reach the optimum.")
    }
  }
}

extension Judgement {
  /// Whether the loss still falls, where the one-break fit does not tell: the law that is supported may.
  private mutating func describeEnd(_ rate: BootstrapIntervals.Interval?) {
    guard verdict != .noBreak, let rate, rate.lower < 0, rate.upper > 0 else { return }
    let reason = "The 95 % interval of r_d contains 0"
    guard verdict == .deceleration, let law = evidence?.brokenLaw, !law.isOneBreakFit,
      let last = law.rates.last,
      let ends = law.intervals?.ofRate(law.rates.count - 1)
    else {
      reasons.append("\(reason): the one-break fit does not tell whether the loss still falls.")
      return
    }
    let exponent =
      "the last exponent of \(law.name), \(rounded(last)) (95 %: \(rounded(ends.lower)) to \(rounded(ends.upper)))"
    reasons.append(
      ends.lower > 0
        ? "\(reason), as the one-break fit does not determine it; \(exponent), does not: the loss still falls."
        : "\(reason), and so does that of \(exponent): whether the loss still falls is not certain.")
  }
}

extension BreakEvidence.Law {
  /// The last break at which the loss goes over to a slower law than it began with, the exponent behind it, and whether the run
  /// ends with that: what comes after it, as a cool-down, no law could have predicted.
  var fall: (step: Double, rate: Double, isLast: Bool)? {
    for k in breaks.indices.reversed() where k + 1 < rates.count {
      let (before, behind) = (rates[k], rates[k + 1])
      if behind < before, behind < rates[0] { return (breaks[k], behind, k + 2 == rates.count) }
    }
    return nil
  }
}

extension SlopeChanges {
  /// What the reasons of a verdict say of it where t_d is to be read.
  public var sentence: String { text(of: ", of which the one-break t_d is a summary") }

  /// The same where no t_d is.
  var places: String { text(of: "") }

  private func text(of summary: String) -> String {
    let places = steps.enumerated().map { index, step in
      whole(step)
        + (intervals?.ofBreak(index).map { " (95 %: \(whole($0.lower)) to \(whole($0.upper)))" } ?? "")
    }
    return "There is more than one change of slope, at steps \(places.joined(separator: " and ")) (exponents "
      + "\(rates.map(rounded).joined(separator: ", then ")))\(summary): two breaks are "
      + "\(rounded(ahead)) ahead of one."
      + (intervals?.obstacle.map { " The steps have no intervals: \($0)." } ?? "")
  }
}

extension String {
  /// With "a" before it, unless it begins with a number.
  fileprivate var article: String { hasPrefix("one") || hasPrefix("two") ? self : "a \(self)" }
  fileprivate var sentence: String { article.prefix(1).uppercased() + article.dropFirst() }
}

/// A number with three significant digits, for sentences.
private func rounded(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return "\(value)" }
  var scale = 1.0
  while (value * scale).magnitude < 100, scale < 1e12 { scale *= 10 }
  let text = "\((value * scale).rounded() / scale)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// The whole part of a step, as the published tables print one: int(d1).
private func whole(_ value: Double) -> String {
  value.magnitude < 1e15 ? "\(Int(value))" : "\(value)"
}
