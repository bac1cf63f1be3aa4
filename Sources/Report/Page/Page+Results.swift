internal import Compute

/// The tables.
extension Page {
  var results: Markup {
    let table = ResultTable(runs: runs)
    let header = ResultColumn.all.map { "<th scope=\"col\">\($0.html)</th>" as Markup }.joined()
    let rows = runs.map { run in
      """
      <tr><th scope="row">\(swatch(run))\(run.label)<small>\(Page.reference(run.digest))</small></th>\
      \(ResultColumn.all.map { cell($0, run) }.joined())\(breaks(run))<td class="words">\(run.analysis.verdict.words)</td></tr>
      """ as Markup
    }
    return Page.section(
      "results", "Results",
      """
      <div class="table">
      <table>
      <thead><tr><th scope="col">run</th>\(header)<th scope="col">breaks at</th><th scope="col" class="words">verdict</th></tr></thead>
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody>
      </table>
      </div>
      <p class="note">Under a run: the artefact of its fit. Under a value: its 95 % \
      interval for the run as it was trained. Losses in nats per token, <i>t</i><sub>d</sub> in steps. – : not to be \
      read, as the run does not decelerate. Breaks at: the steps where the law that is supported changes its slope\(marks). Save as \
      \(Page.download(table.csv, as: "table.csv", type: "text/csv", "CSV")) (full precision), \
      \(Page.download(Array(table.markdown.utf8), as: "table.md", type: "text/markdown", "Markdown")), \
      \(Page.download(Array(table.latex.utf8), as: "table.tex", type: "text/x-tex", "LaTeX")).</p>
      """)
  }

  private func cell(_ column: ResultColumn, _ run: ReportedRun) -> Markup {
    guard column.isMeaningful(for: run) else { return "<td>–</td>" }
    let value = Page.number(column.text(for: run), column.value(run.fit), from: run.digest)
    let interval: Markup =
      column.intervalText(for: run).map { "<small>[\($0.lower), \($0.upper)]</small>" } ?? ""
    return "<td>\(value)\(column.marks(of: run).map(\.text).joined())\(interval)</td>"
  }

  /// The breaks of the law that is supported.
  private func breaks(_ run: ReportedRun) -> Markup {
    guard let law = run.brokenLaw else { return "<td>–</td>" }
    func number(_ value: Double) -> Markup { Page.number(Format.whole(value), value, from: run.digest) }
    let steps = law.breaks.enumerated().map { index, step -> Markup in
      let interval = law.intervals?.ofBreak(index)
      return number(step) + (interval.map { " [\(number($0.lower)), \(number($0.upper))]" as Markup } ?? "")
    }
    return "<td>\(steps.joined(separator: ", "))<small>\(law.name)</small></td>"
  }

  private var marks: Markup {
    BreakMark.legend(runs).map { ". \(Page.prose($0))" } ?? ""
  }

  /// The run's colour in the figures.
  func swatch(_ run: ReportedRun) -> Markup {
    """
    <svg class="plot swatch" width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">\
    <circle cx="5" cy="5" r="4" fill="\(run.colour.light)"/></svg>
    """
  }

  var sensitivity: Markup {
    let shown = runs.filter { !$0.analysis.sensitivity.isEmpty }
    guard !shown.isEmpty else { return "" }
    let bodies = shown.map { run -> Markup in
      let rows = run.analysis.sensitivity.enumerated().map { index, cut -> Markup in
        func number(_ text: String, _ value: Double) -> Markup { Page.number(text, value, from: run.digest) }
        let isUsed = cut.skip == run.analysis.options.skip
        return """
          <tr\(isUsed ? " class=\"used\"" as Markup : "")>\(rowHeader(run, index, run.analysis.sensitivity.count))\
          <td>\(cut.skip)</td><td>\(cut.points)</td>\
          <td>\(number(Format.whole(cut.curve.breakStep), cut.curve.breakStep))</td>\
          <td>\(number(Format.significant(cut.curve.breakLoss, 4), cut.curve.breakLoss))</td>\
          <td>\(number(Format.significant(cut.curve.finalRate, 3), cut.curve.finalRate))</td>\
          <td>\(number(Format.significant(cut.rsle, 3), cut.rsle))</td></tr>
          """
      }
      return "<tbody>\n\(rows.joined(separator: "\n"))\n</tbody>"
    }
    let others: Markup =
      shown.allSatisfy(\.decelerates)
      ? ""
      : """
       Of runs that do not decelerate they are numbers of the fit alone, and tell of no deceleration.
      """
    return Page.section(
      "sensitivity", "Sensitivity to the cut",
      """
      <p>The break may move with the cut of the transient, beyond its interval. The rows in bold are those of \
      the results; all others have other cuts of the same curves.\(others)</p>
      <div class="table">
      <table>
      <thead><tr><th scope="col">run</th><th scope="col">fitted steps above</th><th scope="col">points</th>\
      <th scope="col"><i>t</i><sub>d</sub></th><th scope="col"><i>L</i><sub>d</sub></th>\
      <th scope="col"><i>r</i><sub>d</sub></th><th scope="col">RSLE</th></tr></thead>
      \(bodies.joined(separator: "\n"))
      </table>
      </div>
      """)
  }

  /// The run's name beside the first of its rows.
  func rowHeader(_ run: ReportedRun, _ index: Int, _ count: Int) -> Markup {
    index > 0 ? "" : "<th scope=\"rowgroup\" rowspan=\"\(count)\">\(swatch(run))\(run.label)</th>"
  }
}
