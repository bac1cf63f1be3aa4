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
    header += ["first_step", "last_step", "points", "artefact"]
    var csv = CSV(header)
    for run in runs {
      var fields = [run.name, run.label, run.analysis.verdict.rawValue]
      for column in ResultColumn.all {
        let interval = column.interval(of: run)
        fields += [column.value(run.fit), interval?.lower, interval?.upper].map {
          $0.map(Format.exact) ?? ""
        }
      }
      fields += [run.fit.firstStep, run.fit.lastStep, run.fit.quality.points].map { String($0) }
      csv.add(fields + [run.digest.description])
    }
    return csv.bytes
  }

  var markdown: String {
    var lines = [
      "| run | " + ResultColumn.all.map(\.markdown).joined(separator: " | ") + " | verdict |",
      "|:--|" + ResultColumn.all.map { _ in "--:|" }.joined() + ":--|",
    ]
    for run in runs {
      let cells = ResultColumn.all.map { column in
        guard column.isMeaningful(for: run) else { return "–" }
        let interval = column.intervalText(for: run).map { " [\($0.lower), \($0.upper)]" } ?? ""
        return column.text(for: run) + interval
      }
      lines.append(
        "| \(ResultTable.markdown(run.label)) | " + cells.joined(separator: " | ")
          + " | \(run.analysis.verdict.words) |")
    }
    return lines.joined(separator: "\n") + "\n\n"
      + "[ ] 95 % interval; – not to be read without deceleration.\n"
  }

  /// For the booktabs package, and no other.
  var latex: String {
    let columns = ResultColumn.all
    var lines = [
      "% \\usepackage{booktabs}",
      "% In brackets: the 95 % interval.",
      "\\begin{tabular}{l\(String(repeating: "r", count: columns.count))l}", "\\toprule",
      "run & " + columns.map(\.latex).joined(separator: " & ") + " & verdict \\\\", "\\midrule",
    ]
    for run in runs {
      let cells = columns.map { column in
        column.isMeaningful(for: run) ? "$\(latexNumber(column, run))$" : "--"
      }
      lines.append(
        "\(ResultTable.latex(run.label)) & " + cells.joined(separator: " & ")
          + " & \(run.analysis.verdict.words) \\\\")
    }
    return (lines + ["\\bottomrule", "\\end{tabular}"]).joined(separator: "\n") + "\n"
  }

  private func latexNumber(_ column: ResultColumn, _ run: ReportedRun) -> String {
    let interval = column.intervalText(for: run).map { "\\;[\($0.lower), \($0.upper)]" } ?? ""
    return (column.text(for: run) + interval).replacing("−", with: "-")
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
