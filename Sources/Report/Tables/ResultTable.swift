internal import Artefacts
internal import Compute

/// The table of all runs, in the forms that people need it in.
struct ResultTable: Sendable {
  let runs: [ReportedRun]

  /// Everything at full precision, whatever the verdict; `verdict` says what is to be read.
  var csv: [UInt8] {
    var header = ["run", "label", "verdict"]
    for column in ResultColumn.all {
      header.append(column.name)
      header += ["lower_95", "upper_95"].map { "\(column.name)_\($0)" }
    }
    header += [
      "t_d_is_summary", "t_d_moves_with_cut", "t_d_least_by_cut", "t_d_greatest_by_cut", "law", "breaks",
      "breaks_lower_95", "breaks_upper_95", "exponents", "exponents_lower_95", "exponents_upper_95",
      "first_step", "last_step", "points", "artefact",
    ]
    var csv = CSV(header)
    for run in runs {
      var fields = [run.name, run.label, run.analysis.verdict.rawValue]
      for column in ResultColumn.all {
        let interval = column.interval(of: run)
        fields += [column.value(run.fit), interval?.lower, interval?.upper].map {
          $0.map(Format.exact) ?? ""
        }
      }
      fields += breaks(run)
      fields += [run.fit.firstStep, run.fit.lastStep, run.fit.quality.points].map { String($0) }
      csv.add(fields + [run.digest.description])
    }
    return csv.bytes
  }

  /// What is to be known beside t_d: whether it sums up more than one change of slope or moves with the cut, and the law that is
  /// supported, with all its breaks.
  private func breaks(_ run: ReportedRun) -> [String] {
    let range = run.breakStepsByCut
    let law = run.analysis.supportedLaw
    func list(_ values: [Double]?) -> String { (values ?? []).map(Format.exact).joined(separator: " ") }
    return [
      run.decelerates ? run.slopeChanges == nil ? "0" : "1" : "",
      run.movesIfKnown.map { $0 ? "1" : "0" } ?? "",
      range.map { Format.exact($0.lowerBound) } ?? "", range.map { Format.exact($0.upperBound) } ?? "",
      law?.name ?? "", list(law?.breaks), list(law?.intervals?.breaks.map(\.lower)),
      list(law?.intervals?.breaks.map(\.upper)), list(law?.rates), list(law?.intervals?.rates.map(\.lower)),
      list(law?.intervals?.rates.map(\.upper)),
    ]
  }

  var markdown: String {
    var lines = [
      "| run | " + ResultColumn.all.map(\.markdown).joined(separator: " | ") + " | breaks at | verdict |",
      "|:--|" + ResultColumn.all.map { _ in "--:|" }.joined() + "--:|:--|",
    ]
    for run in runs {
      let cells = ResultColumn.all.map { column in
        guard column.isMeaningful(for: run) else { return "–" }
        let interval = column.intervalText(for: run).map { " [\($0.lower), \($0.upper)]" } ?? ""
        return column.text(for: run) + column.marks(of: run).map(\.text).joined() + interval
      }
      lines.append(
        "| \(ResultTable.markdown(run.label)) | " + cells.joined(separator: " | ")
          + " | \(run.breaksText.isEmpty ? "–" : run.breaksText) | \(run.analysis.verdict.words) |")
    }
    let marks = BreakMark.legend(runs).map { "; \($0)" } ?? ""
    return lines.joined(separator: "\n") + "\n\n"
      + "[ ] 95 % interval; – not to be read without deceleration; breaks at: steps where the supported law changes its slope\(marks).\n"
  }

  /// For the booktabs package, and no other.
  var latex: String {
    let columns = ResultColumn.all
    var lines = [
      "% \\usepackage{booktabs}",
      "% In brackets: the 95 % interval. Breaks: steps where the supported law changes its slope.",
    ]
    if runs.contains(where: { !$0.marks.isEmpty }) {
      let notes = BreakMark.allCases.filter { mark in runs.contains { $0.marks.contains(mark) } }
        .map { "$^{\($0.latex)}$: $t_d$ \($0.meaning)" }
      lines.append("% For the caption: \(notes.joined(separator: "; ")).")
    }
    lines += [
      "\\begin{tabular}{l\(String(repeating: "r", count: columns.count + 1))l}", "\\toprule",
      "run & " + columns.map(\.latex).joined(separator: " & ") + " & breaks & verdict \\\\", "\\midrule",
    ]
    for run in runs {
      let cells = columns.map { column in
        column.isMeaningful(for: run) ? "$\(latexNumber(column, run))$" : "--"
      }
      lines.append(
        "\(ResultTable.latex(run.label)) & " + cells.joined(separator: " & ")
          + " & \(run.breaksText.isEmpty ? "--" : run.breaksText) & \(run.analysis.verdict.words) \\\\")
    }
    return (lines + ["\\bottomrule", "\\end{tabular}"]).joined(separator: "\n") + "\n"
  }

  private func latexNumber(_ column: ResultColumn, _ run: ReportedRun) -> String {
    let interval = column.intervalText(for: run).map { "\\;[\($0.lower), \($0.upper)]" } ?? ""
    let marks = column.marks(of: run).map(\.latex).joined(separator: "")
    return (column.text(for: run) + (marks.isEmpty ? "" : "^{\(marks)}") + interval).replacing("−", with: "-")
      .replacing("∞", with: "\\infty")
  }

  static func markdown(_ text: String) -> String {
    escaped(text) { "\\`*_[]<>|~$&".contains($0) ? "\\\($0)" : nil }
  }

  static func latex(_ text: String) -> String {
    escaped(text) { character in
      switch character {
      case "\\": "\\textbackslash{}"
      case "~": "\\textasciitilde{}"
      case "^": "\\textasciicircum{}"
      case "<": "\\textless{}"
      case ">": "\\textgreater{}"
      case "|": "\\textbar{}"
      case "\"": "''"
      case "{", "}", "$", "&", "#", "_", "%": "\\\(character)"
      default: nil
      }
    }
  }

  private static func escaped(_ text: String, _ escape: (Character) -> String?) -> String {
    text.printable.reduce(into: "") { $0 += escape($1) ?? String($1) }
  }
}
