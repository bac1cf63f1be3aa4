internal import Actions
internal import Artefacts

/// What every operation that draws a figure gives.
enum FigureOutputs {
  static let declarations = [
    OutputDeclaration("svg", file: "figure.svg", help: "the figure for screens, light and dark"),
    OutputDeclaration("pdf", file: "figure.pdf", help: "the figure for papers"),
    OutputDeclaration("png", file: "figure.png", help: "the figure for slides and messages"),
    OutputDeclaration("data", file: "figure.csv", help: "the numbers that it shows"),
  ]

  /// Draws a figure and writes it with its data.
  static func write(
    _ figure: Figure, kind: String, data: [UInt8], with gnuplot: Gnuplot, _ context: OperationContext
  ) async throws {
    context.progress(nil, "drawing")
    var gnuplot = gnuplot
    gnuplot.fontSettings = try Fonts().write(into: context.scratch)
    let drawing = try await Drawing(
      figure, with: gnuplot,
      attributes: [
        ("data-figure", figure.message == nil ? kind : SVG.empty),
        ("data-source", Digest(of: data).description),
      ])
    try context.write(drawing.svg.file, to: "svg")
    try context.write(drawing.pdf, to: "pdf")
    try context.write(drawing.png, to: "png")
    try context.write(data, to: "data")
  }
}
