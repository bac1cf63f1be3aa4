internal import Actions
internal import Compute
internal import JSON

/// `report.tables`: the table of all runs as CSV, Markdown and LaTeX.
struct TablesOperation: Actions.Operation {
  let name = "report.tables"
  let revision = 16
  let summary =
    "Writes the table of fitted loss curves as CSV, Markdown and LaTeX, and all findings as a table that papers can cite."
  let inputs = [ReportInputs.fits, ReportInputs.comparison] + ReportedAnalyses.inputs
  let parameters: [any ParameterDeclaration] = [ReportInputs.labels, ReportInputs.runs]
  let outputs = [
    OutputDeclaration(
      "csv", file: "table.csv",
      help:
        "every quantity with its 95 % interval, at full precision, and the breaks of the law that is supported"
    ),
    OutputDeclaration("markdown", file: "table.md", help: "rounded, with 95 % intervals"),
    OutputDeclaration("latex", file: "table.tex", help: "the same for booktabs"),
    OutputDeclaration(
      "findings", file: "findings.csv",
      help:
        "one number or verdict a row, of a run or over seeds, with its unit, 95 % interval, the artefacts that say so, the step that it "
        + "is of, what is to be known of it, and the test that a sentence of the report relies on, with its error rate"
    ),
    OutputDeclaration("findings-json", file: "findings.json", help: "the same as JSON"),
  ]

  func run(_ context: OperationContext) async throws {
    let runs = try ReportedRun.read(context)
    let table = ResultTable(runs: runs)
    let findings = FindingsTable(
      runs, try AnalysisResults(context), try CurveComparison.read(context)?.comparison)
    try context.write(table.csv, to: "csv")
    try context.write(Array(table.markdown.utf8), to: "markdown")
    try context.write(Array(table.latex.utf8), to: "latex")
    try context.write(findings.csv, to: "findings")
    try context.write(Array(findings.json.pretty.utf8) + [UInt8(ascii: "\n")], to: "findings-json")
  }
}
