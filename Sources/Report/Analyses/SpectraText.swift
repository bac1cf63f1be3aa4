internal import Artefacts
internal import Compute

/// What the page says of spectra of weights.
extension Page {
  func spectra(_ results: AnalysisResults) -> Markup {
    let tests = SpectraTests(runs, results)
    guard !tests.found.isEmpty else { return "" }
    let comparisons = tests.comparisons
    let items = tests.found.compactMap { group, trends, ends -> Markup? in
      let parts = trends.map { _, words, trend -> Markup in
        let verdict = Page.direction(of: trend, comparisons: comparisons).map { " (\($0))" }
        return "the \(words) goes \(Page.ends(of: trend, digits: 3))\(verdict ?? "")"
      }
      let last = ends.map { end -> Markup in
        let error = end.spread.deviation
        let value =
          error == nil ? Format.significant(end.spread.mean, 2) : Format.value(end.spread.mean, error: error)
        return "\(end.words) \(value)\(end.isTested ? Self.chance(end.spread, comparisons) : "")"
      }
      let all = parts + last
      guard !all.isEmpty else { return nil }
      let seeds = group.runs.count { results.last(SpectraReport.self, of: $0) != nil }
      return """
        <li><strong>\(group.label)</strong>\(seeds > 1 ? ", over \(seeds) seeds" : ""): \(all.joined(separator: "; ")).\
        \(seeds > 1 ? "" : " What another training would give cannot be told from one.")</li>
        """
    }
    let test: Markup =
      comparisons == 0
      ? ""
      : """
       What rises, falls or differs from chance is judged by how seeds differ (Student's test, two-sided; each of \
      \(comparisons) at a level of 5 % / \(comparisons)).
      """
    let dimensions = Set(
      results[SpectraReport.self].flatMap { $0.result.matrices.filter { $0.layer != nil }.map(\.leading) })
    let leading = dimensions.count == 1 ? dimensions.first : nil
    return """

      <p>Spectra of the layers' weight matrices, in the mean over matrices. The effective rank is the exponential of the entropy \
      of the singular values, the stable rank the sum of their squares in parts of the largest. The overlap of leading \
      singular spaces\(leading.map { ", of \($0) dimensions each," } ?? "") is 0 where it is what chance gives, and 1 where they are the same.\(test)</p>
      <ul>
      \(items.joined(separator: "\n"))
      </ul>
      """
  }

  private static func chance(_ spread: SeedSpread, _ comparisons: Int) -> String {
    switch spread.direction(of: comparisons) {
    case .up: " (more than by chance)"
    case .down: " (less than by chance)"
    case .neither: " (no difference to chance is seen)"
    }
  }
}
