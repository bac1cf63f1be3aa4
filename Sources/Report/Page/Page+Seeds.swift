internal import Compute

/// How the results differ between trainings that differ in their seed alone.
extension Page {
  var seeds: Markup {
    let groups = SeedGroup.groups(of: runs)
    let replicated = groups.filter { $0.runs.count > 1 }
    let single = groups.filter { $0.runs.count == 1 }.map(\.label)
    guard !replicated.isEmpty else {
      return Page.section(
        "seeds", "Over seeds",
        """
        <p class="caution">\(runs.count == 1 ? "The run is one training" : "Each run is one training"). The intervals on this \
        page say how well \(runs.count == 1 ? "its" : "a run's") own data determine a number; nothing here says what another \
        seed would give, and no difference between runs can be told from one between seeds. Runs that differ in their seed \
        alone are told as such by <code>group</code> of <code>curve.prepare</code>.</p>
        """)
    }
    let left: Markup =
      single.isEmpty
      ? ""
      : """
       Of \(single.joined(separator: ", ")) there is one seed: nothing here says what another would give.
      """
    let last: Markup =
      ReportedAnalyses.all.allSatisfy(analysisResults.isEmpty)
      ? ""
      : """
       What is of a checkpoint is of the last one that all seeds have, after as many updates <i>t</i> as it says.
      """
    let missing: Markup =
      replicated.allSatisfy { group in rows(group).allSatisfy { $0.spread.values.count == group.runs.count } }
      ? ""
      : """
       Where fewer seeds are counted than there are, the others have no such value, as those that do not decelerate have no \
      <i>t</i><sub>d</sub>: what is said is of seeds that have one.
      """
    return Page.section(
      "seeds", "Over seeds",
      """
      <p>What trainings that differ in their seed alone have in common, and what they do not. The last two columns are \
      intervals: one holds the mean over all seeds, the other the value of one more seed, each in 95 % of such studies if values \
      are normally distributed (Student's <i>t</i>); the intervals elsewhere on this page are about one run's own \
      data.\(last)\(left)\(missing)</p>
      <div class="table">
      <table>
      <thead><tr><th scope="col">model</th><th scope="col" class="words">quantity</th><th scope="col">seeds</th>\
      <th scope="col">mean ± deviation</th><th scope="col">mean over all seeds</th><th scope="col">another seed</th></tr></thead>
      \(replicated.map(body).joined(separator: "\n"))
      </table>
      </div>
      """)
  }

  private typealias Row = (quantity: ReplicatedQuantity, step: Int?, notes: [String], spread: SeedSpread)

  /// What at least two seeds have.
  private func rows(_ group: SeedGroup) -> [Row] {
    let results = analysisResults.common(to: group.runs)
    return ReplicatedQuantity.all.compactMap { quantity -> Row? in
      let findings = group.runs.compactMap { quantity.finding($0, results) }
      return SeedSpread(findings.map(\.value)).map {
        (quantity, findings[0].step, findings.notes(of: group.runs.count), $0)
      }
    }.filter { $0.spread.values.count > 1 }
  }

  private func body(_ group: SeedGroup) -> Markup {
    let rows = rows(group)
    let cells = rows.enumerated().map { index, row -> Markup in
      let (quantity, step, notes, spread) = row
      let place: Markup = step.map { " (<i>t</i> = \(Format.grouped($0)))" } ?? ""
      let note: Markup = notes.isEmpty ? "" : "<small>\(notes.joined(separator: "; "))</small>"
      let header: Markup =
        index > 0
        ? "" : "<th scope=\"rowgroup\" rowspan=\"\(rows.count)\">\(swatch(group.runs[0]))\(group.label)</th>"
      return """
        <tr>\(header)<td class="words">\(quantity.html)\(place)\(note)</td><td>\(spread.values.count)</td>\
        <td>\(Format.value(spread.mean, error: spread.deviation))</td>\
        <td>\(Page.range(spread.meanInterval, like: spread))</td><td>\(Page.range(spread.nextInterval, like: spread))</td></tr>
        """
    }
    return "<tbody>\n\(cells.joined(separator: "\n"))\n</tbody>"
  }

  /// An interval over seeds, to the digits that their deviation leaves.
  static func range(_ interval: ClosedRange<Double>?, like spread: SeedSpread) -> String {
    guard let interval else { return "–" }
    let decimals = Format.decimals(error: spread.deviation)
    func text(_ end: Double) -> String {
      decimals.map { Format.fixed(end, $0) } ?? Format.significant(end, 4)
    }
    return "\(text(interval.lowerBound)) to \(text(interval.upperBound))"
  }
}
