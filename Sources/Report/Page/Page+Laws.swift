internal import Compute

/// What each law makes of each run, and whether a break is among them.
extension Page {
  var alternatives: Markup {
    let bodies = runs.compactMap { run -> Markup? in
      guard let evidence = run.analysis.evidence else { return nil }
      let rows = evidence.laws.enumerated().map { index, law -> Markup in
        func number(_ text: String, _ value: Double) -> Markup { Page.number(text, value, from: run.digest) }
        let breaks = law.breaks.map { number(Format.whole($0), $0) }.joined(separator: ", ")
        let rates = law.rates.map { number(Format.significant($0, 3), $0) }.joined(separator: ", ")
        let ahead = law.predictionError.map { number(Format.significant($0, 2), $0) } ?? ""
        return """
          <tr\(index == 0 ? " class=\"used\"" as Markup : "")>\(rowHeader(run, index, evidence.laws.count))\
          <td class="words">\(law.name)</td><td>\(number(Format.fixed(law.behind, 1), law.behind))</td>\
          <td>\(number(Format.significant(law.rsle, 3), law.rsle))</td><td>\(ahead)</td>\
          <td>\(law.parameters)</td><td>\(breaks)</td><td>\(rates)</td></tr>
          """
      }
      return "<tbody>\n\(rows.joined(separator: "\n"))\n</tbody>"
    }
    guard !bodies.isEmpty else { return "" }
    let notes = runs.compactMap { run in run.analysis.evidence.map { "<li>\(parts(run, $0))</li>" as Markup }
    }
    return Page.section(
      "alternatives", "Laws with and without a break",
      """
      <p>Every law is fitted to the same means of log <i>L</i> over windows that do not overlap, with one model of their noise. \
      <em>Behind</em> is how much worse than the best a law is, as 2 log of the odds: by chance a wrong law is \
      \(Format.significant(BreakEvidence.decisive, 3)) ahead of a right one at most one time in 20, for each run by itself, and \
      \(Format.significant(BreakEvidence.contradicting, 3)) is 19 to 1. <em>Ahead</em> is the root mean square error with which a \
      fit to the first half of the run predicts the second.</p>
      <ul>
      \(notes.joined(separator: "\n"))
      </ul>
      <div class="table">
      <table>
      <thead><tr><th scope="col">run</th><th scope="col" class="words">law</th><th scope="col">behind</th>\
      <th scope="col">RSLE</th><th scope="col">ahead</th><th scope="col">parameters</th>\
      <th scope="col">breaks at step</th><th scope="col">exponents</th></tr></thead>
      \(bodies.joined(separator: "\n"))
      </table>
      </div>
      """)
  }

  /// How the question was asked of one run, and the answers in its parts.
  private func parts(_ run: ReportedRun, _ evidence: BreakEvidence) -> Markup {
    func number(_ value: Double) -> Markup {
      Page.number(Format.significant(value, 3), value, from: run.digest)
    }
    let noise =
      evidence.isFromSteps
      ? "the noise of single steps (autocorrelation \(Format.significant(evidence.persistence, 2)) from one to the next)"
      : "what the best law leaves, as only smoothed points are known"
    var text: Markup = """
      <strong>\(run.label)</strong>: \(evidence.windows) windows, under \(noise). The best law with a break is ahead of the best \
      without by \(number(evidence.margin))
      """
    for part in evidence.parts {
      text +=
        ", in steps \(Format.grouped(part.firstStep)) to \(Format.grouped(part.lastStep)) alone by \(number(part.margin))"
        + (evidence.canContradict(part)
          ? "" : " (not asked to show the break, as it is asked what it predicts)")
    }
    if evidence.isPredictable, let prediction = evidence.prediction {
      text += """
        ; steps from \(Format.grouped(prediction.firstStep)) on are best predicted, of the laws without a break, by the \
        \(prediction.rival), which is ahead of the laws with one by \(number(prediction.advantage))
        """
    }
    return text + "."
  }
}
