internal import Actions
internal import Artefacts
internal import Compute

/// `report.html`: the page that says it all.
struct PageOperation: Actions.Operation {
  static let introduction = Parameter<String>(
    "introduction", default: "", help: "what stands ahead of the summary; empty lines separate paragraphs")

  let name = "report.html"
  let revision = 21
  let tellsHowStagesRan = true
  let summary = "Writes the report of fitted loss curves as one self-contained HTML file."
  let inputs =
    [
      ReportInputs.fits, ReportInputs.comparison,
      InputDeclaration("figures", .many, help: "figures in their order: the output 'svg' of report.figure"),
      InputDeclaration(
        "data", .many,
        help: "the numbers that the figures show, in any order: the output 'data' of report.figure"),
    ] + ReportedAnalyses.inputs
  let parameters: [any ParameterDeclaration] = [
    ReportInputs.labels, ReportInputs.runs, ReportInputs.title, introduction,
  ]
  let outputs = [OutputDeclaration("html", file: "report.html", help: "the report, for any browser")]

  /// Larger figures, or data of figures, have no place in a page.
  private static let largest = 32 << 20

  func run(_ context: OperationContext) async throws {
    let runs = try ReportedRun.read(context)
    let data = context.inputs("data")
    let figures = try context.inputs("figures").map { input in
      let svg = try SVG(file: try input.bytes(limit: PageOperation.largest))
      let source = data.first { $0.digest.description == svg["data-source"] }
      return Page.Figure(
        svg: svg, digest: input.digest,
        data: try source.map { (try $0.bytes(limit: PageOperation.largest), $0.digest) })
    }
    let title = context[ReportInputs.title]
    let page = Page(
      title: title.isEmpty ? "Loss deceleration" : title.printable,
      introduction: context[PageOperation.introduction], runs: runs,
      comparison: try CurveComparison.read(context), analysisResults: try AnalysisResults(context),
      figures: figures,
      doubtful: context.marks.unsandboxed, resumed: context.marks.resumed)
    try context.write(page.bytes, to: "html")
  }
}
