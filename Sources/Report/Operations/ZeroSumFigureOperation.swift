internal import Actions
internal import Artefacts
internal import Compute

/// `report.zero-sum`: one figure of an analysis, as SVG, PDF and PNG, with its data.
struct ZeroSumFigureOperation: Actions.Operation {
  static let figure = Parameter<String>(
    "figure", oneOf: ReportedAnalyses.figures.map(\.name),
    help: ReportedAnalyses.figures.map { "\($0.name): \($0.help)" }.joined(separator: "; "))

  var gnuplot = Gnuplot()
  let name = "report.zero-sum"
  let revision = 12
  let summary = "Draws a figure of zero-sum learning as SVG, PDF and PNG."
  let inputs = [ReportInputs.fits] + ReportedAnalyses.inputs + [PublishedPoints.input]
  let parameters: [any ParameterDeclaration] = [
    figure, ReportInputs.labels, ReportInputs.runs, ReportInputs.title, FigureOperation.width,
  ]
  let outputs = FigureOutputs.declarations
  let tools = ["gnuplot"]
  var systemFiles: [SystemFile] { gnuplot.systemFiles }

  func run(_ context: OperationContext) async throws {
    let kind = context[Self.figure]
    guard let chosen = ReportedAnalyses.figures.first(where: { $0.name == kind }) else {
      preconditionFailure("'\(kind)' is none of the figures")
    }
    let figures = AnalysisFigures(
      runs: try ReportedRun.read(context), results: try AnalysisResults(context),
      published: try PublishedPoints(context), width: context[FigureOperation.width])
    var figure = chosen.draw(figures)
    if !context[ReportInputs.title].isEmpty { figure.title = context[ReportInputs.title] }
    if figure.panels.allSatisfy({ $0.series.allSatisfy(\.rows.isEmpty) }) {
      figure = Figure(
        title: figure.title, message: "There are no results to draw.", width: context[FigureOperation.width])
    }
    let data = chosen.data?(figures) ?? FigureData.series(of: figure)
    try await FigureOutputs.write(figure, kind: kind, data: data, with: gnuplot, context)
  }
}
