internal import Actions
internal import Compute

/// `report.figure`: one figure, as SVG, PDF and PNG, with its data. A figure of its own stage is drawn again only if what it
/// shows has changed.
struct FigureOperation: Actions.Operation {
  var gnuplot = Gnuplot()

  static let figure = Parameter<String>(
    "figure", oneOf: ["overview", "fit", "residuals", "scaling"],
    help:
      "overview: all runs in one panel; fit: loss, fit, asymptotes and deceleration point, a panel each run; "
      + "residuals: of log loss, a panel each run; scaling: L_d, t_d and r_d against model size")
  static let width = Parameter(
    "width", default: 720, unit: "pixels", in: 240...2400, help: "of the whole figure")
  static let columns = Parameter(
    "columns", default: 2, in: 1...6, help: "panels side by side, of fit and residuals")

  let name = "report.figure"
  let revision = 14
  let summary = "Draws a figure of fitted loss curves as SVG, PDF and PNG."
  let inputs = [ReportInputs.fits, ReportInputs.comparison]
  let parameters: [any ParameterDeclaration] = [
    figure, ReportInputs.labels, ReportInputs.runs, ReportInputs.title, width, columns,
  ]
  let outputs = FigureOutputs.declarations
  let tools = ["gnuplot"]
  var systemFiles: [SystemFile] { gnuplot.systemFiles }

  func run(_ context: OperationContext) async throws {
    let runs = try ReportedRun.read(context)
    let kind = context[FigureOperation.figure]
    let title = context[ReportInputs.title].isEmpty ? nil : context[ReportInputs.title]
    let (width, columns) = (context[FigureOperation.width], context[FigureOperation.columns])
    let figure: Figure
    let data: [UInt8]
    if kind == "scaling" {
      // Without a comparison there are no sizes, and the figure says so.
      let comparison = try CurveComparison.read(context)?.comparison ?? CurveComparison(runs.map(\.analysis))
      figure = .scaling(of: comparison, runs: runs, title: title, width: width)
      data = FigureData.scaling(of: comparison, runs: runs)
    } else {
      figure =
        switch kind {
        case "overview": .overview(of: runs, title: title, width: width)
        case "residuals": .residuals(of: runs, title: title, width: width, columns: columns)
        default: .fits(of: runs, title: title, width: width, columns: columns)
        }
      data = FigureData.points(of: runs)
    }
    for run in runs where run.points.count < run.analysis.curve.steps.count {
      try context.log(
        "\(run.name): \(run.analysis.curve.steps.count - run.points.count) points at steps below 1 are not drawn, for want "
          + "of a place on a logarithmic axis")
    }
    try await FigureOutputs.write(figure, kind: kind, data: data, with: gnuplot, context)
  }
}
