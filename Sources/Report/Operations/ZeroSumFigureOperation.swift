internal import Artefacts
internal import Compute
internal import Pipeline

/// `report.zero-sum`: one figure of zero-sum learning, as SVG and PDF, with its data.
struct ZeroSumFigureOperation: Pipeline.Operation {
  static let figure = Parameter<String>(
    "figure",
    oneOf: [
      "interference", "plane", "decomposition", "step", "dissent", "gradients", "prediction", "tokens",
      "layers",
    ],
    help:
      "interference: D, M and |dL| from t to 2t; plane: M against D with lines of equal |dL|; decomposition: how much of "
      + "the deceleration each accounts for; step: D, M and |dL| of one update; dissent: gradient dissent; gradients: D, C_g and C_uG / C_ug of tokens' "
      + "gradients; prediction: how well gradients predict losses' changes; tokens: measured against predicted changes of single "
      + "tokens; layers: D of each layer's gradients"
  )

  var gnuplot = Gnuplot()
  let name = "report.zero-sum"
  let revision = 2
  let summary = "Draws a figure of zero-sum learning as SVG and PDF."
  let inputs = [ReportInputs.fits] + ZeroSumResults.inputs + [PublishedPoints.input]
  let parameters: [any ParameterDeclaration] = [
    figure, ReportInputs.labels, ReportInputs.runs, ReportInputs.title, FigureOperation.width,
  ]
  let outputs = FigureOutputs.declarations
  let tools = ["gnuplot"]

  func run(_ context: OperationContext) async throws {
    let kind = context[Self.figure]
    let figures = ZeroSumFigures(
      runs: try ReportedRun.read(context), results: try ZeroSumResults(context),
      published: try PublishedPoints(context), width: context[FigureOperation.width])
    var figure =
      switch kind {
      case "plane": figures.plane
      case "decomposition": figures.decomposition
      case "step": figures.steps
      case "dissent": figures.dissent
      case "gradients": figures.gradients
      case "prediction": figures.prediction
      case "tokens": figures.tokens
      case "layers": figures.layers
      default: figures.interference
      }
    if !context[ReportInputs.title].isEmpty { figure.title = context[ReportInputs.title] }
    if figure.panels.allSatisfy({ $0.series.allSatisfy(\.rows.isEmpty) }) {
      figure = Figure(
        title: figure.title, message: "There are no results to draw.", width: context[FigureOperation.width])
    }
    let data = kind == "layers" ? figures.layerData : FigureData.series(of: figure)
    try await FigureOutputs.write(figure, kind: kind, data: data, with: gnuplot, context)
  }
}
