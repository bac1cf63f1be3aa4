internal import Artefacts
internal import Compute

/// What the numbers say, in words.
extension Page {
  var summary: Markup {
    let author = introduction.split(separator: "\n\n").map { "<p>\($0)</p>\n" as Markup }.joined()
    let decelerating = runs.filter(\.decelerates)
    let others = runs.filter { !$0.decelerates }
    var content = author + "<p>\(verdicts(decelerating.count))</p>"
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
      ? ", \(number(Format.significant(curve.c0 / curve.finalRate, 2), curve.c0 / curve.finalRate)) times less steep"
      : ""
    let cautions = run.analysis.reasons.dropFirst().map { reason in
      " <span class=\"caution\" title=\"\(run.digest.description)\">\(Page.prose(reason))</span>" as Markup
    }
    return """
      <li><strong>\(run.label)</strong> decelerates at step \
      <i>t</i><sub>d</sub> = \(number(Format.whole(curve.breakStep), curve.breakStep))\(range), \
      at a loss of <i>L</i><sub>d</sub> = \(number(Format.significant(curve.breakLoss, 4), curve.breakLoss)) nats per token. \
      The exponent of the power law falls from \(number(Format.significant(curve.c0, 3), curve.c0)) to \
      <i>r</i><sub>d</sub> = \(number(Format.significant(curve.finalRate, 3), curve.finalRate))\(fall). \
      From there it predicts \(number(Format.significant(fit.predictedLastLoss, 4), fit.predictedLastLoss)) at step \
      \(number(Format.grouped(fit.lastStep), Double(fit.lastStep))), where the loss is \
      \(number(Format.significant(fit.lastLoss, 4), fit.lastLoss)).\(cautions.joined())</li>
      """
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
      exponent by itself).</p>
      """
  }
}
