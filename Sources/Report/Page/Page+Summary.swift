internal import Artefacts
internal import Compute

/// What the numbers say, in words.
extension Page {
  var summary: Markup {
    let author = introduction.split(separator: "\n\n").map { "<p>\($0)</p>\n" as Markup }.joined()
    let decelerating = runs.filter(\.decelerates)
    let others = runs.filter { !$0.decelerates }
    var content = author + "<p>\(verdicts(decelerating.count))\(summaries)</p>"
    if !decelerating.isEmpty {
      content += "\n<ul>\n\(decelerating.map(finding).joined(separator: "\n"))\n</ul>"
    }
    for run in others {
      content += """

        <p class="warning"><strong>\(run.label): \(run.analysis.verdict.words).</strong> \
        \(Page.prose(run.analysis.reasons.joined(separator: " "))) \
        No <i>t</i><sub>d</sub>, <i>L</i><sub>d</sub> or <i>r</i><sub>d</sub> is to be read from this fit \
        (\(Page.reference(run.digest))).</p>
        """
    }
    return Page.section("summary", "Summary", content + scaling)
  }

  private func verdicts(_ count: Int) -> String {
    let all = runs.count
    return switch (count, all) {
    case (1, 1): "The loss of the one run decelerates."
    case (0, 1): "The loss of the one run is not found to decelerate."
    case (all, _): "The loss of all \(all) runs decelerates."
    case (0, _): "The loss of none of the \(all) runs is found to decelerate."
    default: "The loss of \(count) of \(all) runs decelerates."
    }
  }

  /// Of how many runs t_d is not all that is to be said.
  private var summaries: Markup {
    func count(_ mark: BreakMark) -> Int { runs.count { $0.marks.contains(mark) } }
    let sentences = [
      (
        count(.isSummary),
        "there is more than one change of slope, of which <i>t</i><sub>d</sub> is a summary" as Markup
      ),
      (
        count(.isOther),
        "<i>t</i><sub>d</sub> is of one break alone, which is not the law that is supported"
      ),
      (
        count(.moves), "<i>t</i><sub>d</sub> moves with the cut of the transient, beyond its interval"
      ),
    ].filter { $0.0 > 0 }.map { count, words -> Markup in
      " \(runs.count == 1 ? "In it" : "In \(count) of them") \(words)."
    }
    return sentences.joined()
  }

  private func finding(_ run: ReportedRun) -> Markup {
    let fit = run.fit
    let curve = fit.curve
    func number(_ text: String, _ value: Double) -> Markup { Page.number(text, value, from: run.digest) }

    let interval = run.analysis.intervals?.breakStep
    let range: Markup =
      interval.map { interval in
        """
         (95 %: \(number(Format.whole(interval.lower), interval.lower)) to \
        \(number(Format.whole(interval.upper), interval.upper)))
        """
      } ?? ""
    let fall: Markup =
      curve.finalRate > 0
      ? ", \(number(Format.significant(curve.c0 / curve.finalRate, 2), curve.c0 / curve.finalRate)) times less steep\(steepness(run))"
      : ""
    // What the headline says already.
    let cautions = run.analysis.reasons.dropFirst().filter { $0 != run.slopeChanges?.sentence }.map {
      reason in
      " <span class=\"caution\" title=\"\(run.digest.description)\">\(Page.prose(reason))</span>" as Markup
    }
    return """
      <li><strong>\(run.label)</strong> \(places(run)) \
      <i>t</i><sub>d</sub> = \(number(Format.whole(curve.breakStep), curve.breakStep))\(range), \
      at a loss of <i>L</i><sub>d</sub> = \(number(Format.significant(curve.breakLoss, 4), curve.breakLoss)) nats per token. \
      The exponent of the power law falls from \(number(Format.significant(curve.c0, 3), curve.c0)) to \
      <i>r</i><sub>d</sub> = \(number(Format.significant(curve.finalRate, 3), curve.finalRate))\(fall). \
      From there it predicts \(number(Format.significant(fit.predictedLastLoss, 4), fit.predictedLastLoss)) at step \
      \(number(Format.grouped(fit.lastStep), Double(fit.lastStep))), where the loss is \
      \(number(Format.significant(fit.lastLoss, 4), fit.lastLoss)).\(cautions.joined())</li>
      """
  }

  /// Where it decelerates: with more than one change of slope these come first, as t_d is a summary of them.
  private func places(_ run: ReportedRun) -> Markup {
    func number(_ text: String, _ value: Double) -> Markup { Page.number(text, value, from: run.digest) }
    func whole(_ step: Double) -> Markup { number(Format.whole(step), step) }
    guard let changes = run.slopeChanges else {
      guard let law = run.otherLaw, let step = law.breaks.first else { return "decelerates at step" }
      let ends: Markup =
        law.intervals?.ofBreak(0).map { " (95 %: \(whole($0.lower)) to \(whole($0.upper)))" }
        ?? " (no interval is known: \(law.obstacle ?? ""))"
      return """
        decelerates: the law that is supported, \(law.name), has its break at step \(whole(step))\(ends); the one-break fit has it at
        """
    }
    let rates = changes.rates.map { number(Format.significant($0, 3), $0) }.joined(separator: ", then ")
    let steps = changes.steps.enumerated().map { index, step -> Markup in
      guard let ends = changes.intervals?.ofBreak(index) else { return whole(step) }
      return "\(whole(step)) (95 %: \(whole(ends.lower)) to \(whole(ends.upper)))"
    }
    let obstacle: Markup =
      run.brokenLaw?.obstacle.map { "; no intervals of the steps are known: \($0)" } ?? ""
    return """
      decelerates with more than one change of slope, at steps \(steps.joined(separator: " and ")) \
      (exponents \(rates); two breaks are \(number(Format.significant(changes.ahead, 3), changes.ahead)) ahead of one, where \
      \(Format.significant(BreakEvidence.decisive, 3)) decides\(obstacle)). The one-break fit sums them up at
      """
  }

  /// How well it is known how much less steep the loss falls: from the ends of the intervals of both exponents.
  private func steepness(_ run: ReportedRun) -> Markup {
    guard let intervals = run.analysis.intervals else { return " (no interval is known)" }
    let (early, late) = (intervals.c0, intervals.finalRate)
    guard early.lower > 0, late.upper > 0 else {
      return " (not determined, as its interval has no lower end)"
    }
    func number(_ value: Double) -> Markup {
      Page.number(Format.significant(value, 2), value, from: run.digest)
    }
    let least = early.lower / late.upper
    let range: Markup =
      late.lower > 0
      ? "\(number(least)) to \(number(early.upper / late.lower))"
      : "at least \(number(least)), with no bound above, as the interval of <i>r</i><sub>d</sub> reaches 0"
    return " (\(range), from the ends of both 95 % intervals, so in at least 90 %)"
  }

  private var scaling: Markup {
    guard let (comparison, digest) = comparison, !comparison.scalings.isEmpty else { return "" }
    let sizes = Set(comparison.scalings.map(\.sizes)).sorted()
    let laws = comparison.scalings.map { scaling -> Markup in
      let symbol =
        ResultColumn[scaling.quantity.rawValue]?.html ?? Markup(verbatim: scaling.quantity.rawValue)
      let slope = Page.number(
        Format.value(scaling.slope, error: scaling.standardError), scaling.slope, from: digest)
      let interval = scaling.slopeInterval
      let ends = [interval.lower, interval.upper].map { Format.significant($0, 2) }.joined(separator: " to ")
      return
        "<span class=\"unit\">\(symbol) ∝ <i>N</i><sup>\(slope)</sup></span> (\(ends)\(sizes.count == 1 ? "" : ", over \(scaling.sizes) sizes"))"
    }
    return """

      <p>Over \(sizes.map(String.init).joined(separator: " or ")) model sizes <i>N</i> (parameters), by least squares on logarithms: \
      \(laws.joined(separator: ", ")) (± one standard error; in parentheses the 95 % interval by Student's <i>t</i>, of each \
      exponent by itself).\(basis(comparison))</p>
      """
  }

  /// What the points of the laws are: runs that do not decelerate are in none, and of one seed nobody knows how far another is.
  private func basis(_ comparison: CurveComparison) -> Markup {
    let sized = comparison.rows.filter { $0.size != nil }
    let used = sized.filter { $0.verdict == .deceleration }
    let single = Set(used.compactMap(\.size)).filter { size in used.count { $0.size == size } == 1 }.count
    let sizes = Set(used.compactMap(\.size)).count
    let left: Markup =
      used.count == sized.count
      ? ""
      : " Their points are means over the \(used.count) of \(sized.count) runs that decelerate, and no more than that is said of the others."
    let seeds: Markup =
      single == 0
      ? ""
      : """
       <span class="caution">Of \(single == sizes ? "each size" : "\(single) of the \(sizes) sizes") there is one such seed: what differs \
      between sizes cannot be told there from what differs between seeds.</span>
      """
    return left + seeds
  }
}
