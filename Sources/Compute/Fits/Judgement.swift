/// The verdict over a fit and its reasons.
struct Judgement {
  private(set) var verdict = Verdict.deceleration
  private(set) var reasons: [String] = []

  /// A simpler model is given up only for a BIC better by more than this ("very strong" evidence; Kass and Raftery,
  /// 1995), as the place of a break is looked for, too.
  static let strong = 10.0
  /// From a tenth to nine tenths of its change, the slope takes 2 log 9 f1 in log t.
  static let transition = 4.394_449_154_672_439
  /// A smaller relative change of the exponent is no break in any sense that matters, however certain it is.
  static let leastChange = 0.2
  /// A break this close behind a known warm-up is its end: smoothing delays it by up to its base.
  static let warmupReach = 1.2
  /// Below this f1, nine tenths of the change happen within a factor of 1.6 in t.
  static let abrupt = 0.1
  /// With an unknown warm-up: a break within this factor of the first fitted step has no first segment to speak of.
  static let edge = 3.0

  init(
    fit: OneBreakFit, intervals: BootstrapIntervals?, sensitivity: [CutSensitivity],
    powerLaw: PowerLawFit, twoBreaks: TwoBreakFit?, cooldown: Cooldown?, options: CurveAnalysis.Options
  ) {
    decide(fit, powerLaw, options)
    caution(fit, intervals, sensitivity, twoBreaks, cooldown)
  }

  private mutating func decide(
    _ fit: OneBreakFit, _ powerLaw: PowerLawFit, _ options: CurveAnalysis.Options
  ) {
    let step = fit.curve.breakStep
    let span = Elementary.log(Double(fit.lastStep)) - Elementary.log(Double(fit.firstStep))
    // What the points show: the asymptotes may lie outside them.
    let first = fit.curve.rate(at: Double(fit.firstStep))
    let last = fit.curve.rate(at: Double(fit.lastStep))
    let gain = powerLaw.quality.effectiveBIC - fit.quality.effectiveBIC
    if gain <= Judgement.strong {
      verdict = .noBreak
      reasons.append(
        "A plain power law does as well: the break lowers the BIC by only \(rounded(gain)), with \(Judgement.strong) "
          + "asked for.")
    } else if (first - last).magnitude < Judgement.leastChange * first.magnitude {
      verdict = .noBreak
      reasons.append(
        "The exponent hardly changes over the fitted steps, from \(rounded(first)) to \(rounded(last)).")
    } else if Judgement.transition * fit.curve.f1 > span {
      verdict = .noBreak
      reasons.append(
        "The slope changes over the whole range of steps (f1 = \(rounded(fit.curve.f1))), as where the loss nears a limit: "
          + "there are no two power laws.")
    } else if step >= 0.999 * Double(fit.lastStep) {
      verdict = .noBreak
      reasons.append(
        "The fitted break lies at the last step, \(fit.lastStep): the points show one power law.")
    } else if fit.curve.c1 >= 0 {
      verdict = .noBreak
      reasons.append(
        "Behind the fitted break at step \(whole(step)) the loss falls faster than before (c1 > 0): this is no "
          + "deceleration.")
    } else if let warmup = options.warmup, step <= Double(warmup) * Judgement.warmupReach {
      verdict = .warmupBreak
      reasons.append(
        "The break at step \(whole(step)) is no later than the end of the warm-up at step \(warmup).")
    } else if options.warmup == nil, step <= Double(fit.firstStep) * Judgement.edge {
      verdict = .warmupBreak
      reasons.append(
        "The break at step \(whole(step)) is where the fitted steps begin (\(fit.firstStep)); nothing tells it from the "
          + "end of the warm-up.")
    } else if fit.curve.finalRate < 0 {
      verdict = .saturating
      reasons.append(
        "Behind the break at step \(whole(step)) the loss no longer falls: r_d = \(rounded(fit.curve.finalRate)) < 0."
      )
    } else {
      reasons.append(
        "The exponent falls from \(rounded(fit.curve.c0)) to \(rounded(fit.curve.finalRate)) at step \(whole(step)); "
          + "against a plain power law, the break lowers the BIC by \(rounded(gain)).")
    }
  }

  private mutating func caution(
    _ fit: OneBreakFit, _ intervals: BootstrapIntervals?, _ sensitivity: [CutSensitivity],
    _ twoBreaks: TwoBreakFit?, _ cooldown: Cooldown?
  ) {
    let step = fit.curve.breakStep
    let inside = Double(fit.firstStep)...Double(fit.lastStep)
    if let two = twoBreaks, two.breaks.allSatisfy({ inside.contains($0.step) }),
      fit.quality.effectiveBIC - two.quality.effectiveBIC > Judgement.strong
    {
      let places = two.breaks.map { whole($0.step) }.joined(separator: " and ")
      reasons.append("Two breaks fit better, at steps \(places).")
    }
    if let cooldown {
      reasons.append(
        "From about step \(cooldown.firstStep) on the loss falls faster again, as in a learning-rate cool-down, which one "
          + "break cannot describe: the end lies \(rounded(100 * cooldown.drop)) % below the line before it.")
    }
    if verdict == .deceleration, fit.curve.f1 < Judgement.abrupt {
      reasons.append(
        "The break is abrupt (f1 = \(rounded(fit.curve.f1))), as where a schedule changes: was it the end of the warm-up?"
      )
    }
    if let rate = intervals?.finalRate, rate.lower < 0, rate.upper > 0, verdict != .noBreak {
      reasons.append("The 95 % interval of r_d contains 0: whether the loss still falls is not certain.")
    }
    if step > Double(fit.lastStep) / 3, verdict == .deceleration || verdict == .saturating {
      reasons.append("The break is so near the end that little is known of what follows it.")
    }
    if verdict != .noBreak, let interval = intervals?.breakStep, interval.upper > 3 * interval.lower {
      reasons.append(
        "t_d is poorly determined: the 95 % interval reaches from \(whole(interval.lower)) to \(whole(interval.upper))."
      )
    }
    let steps = sensitivity.map(\.curve.breakStep)
    if verdict != .noBreak, let low = steps.min(), let high = steps.max(), high > 2 * low {
      let rows = sensitivity.map { "\(whole($0.curve.breakStep)) for \($0.skip)" }.joined(separator: ", ")
      reasons.append("t_d moves with the cut of the transient: \(rows).")
    }
    if fit.startsAtOptimum * 2 < fit.starts {
      reasons.append("Only \(fit.startsAtOptimum) of \(fit.starts) starts reach the optimum.")
    }
  }
}

/// A number with three significant digits, for sentences.
private func rounded(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return "\(value)" }
  var scale = 1.0
  while (value * scale).magnitude < 100, scale < 1e12 { scale *= 10 }
  let text = "\((value * scale).rounded() / scale)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

private func whole(_ value: Double) -> String {
  value.magnitude < 1e15 ? "\(Int(value))" : "\(value)"
}
