internal import Actions

/// `report.tables`: the table of all runs as CSV, Markdown and LaTeX.
struct TablesOperation: Actions.Operation {
  let name = "report.tables"
  let revision = 3
  let summary = "Writes the table of fitted loss curves as CSV, Markdown and LaTeX."
  let inputs = [ReportInputs.fits]
  let parameters: [any ParameterDeclaration] = [ReportInputs.labels, ReportInputs.runs]
  let outputs = [
    OutputDeclaration(
      "csv", file: "table.csv",
      help: "every quantity with standard error and 95 % interval, at full precision"),
    OutputDeclaration("markdown", file: "table.md", help: "rounded by the standard errors"),
    OutputDeclaration("latex", file: "table.tex", help: "the same for booktabs"),
  ]

  func run(_ context: OperationContext) async throws {
    let table = ResultTable(runs: try ReportedRun.read(context))
    try context.write(table.csv, to: "csv")
    try context.write(Array(table.markdown.utf8), to: "markdown")
    try context.write(Array(table.latex.utf8), to: "latex")
  }
}
