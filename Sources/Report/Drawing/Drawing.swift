/// A figure drawn: the same bytes for the same figure, on any day.
struct Drawing: Sendable {
  let svg: SVG
  let pdf: [UInt8]
  let png: [UInt8]

  /// - Parameter attributes: of the SVG's root element.
  init(
    _ figure: Figure, with gnuplot: Gnuplot = Gnuplot(), attributes: [(name: String, value: String)] = []
  ) async throws {
    let svg = try await gnuplot.run(try figure.script(for: .svg))
    let pdf = try await gnuplot.run(try figure.script(for: .pdf))
    self.svg = try SVG(gnuplot: svg, of: figure, attributes: attributes)
    self.pdf = PDF.undated(pdf)
    png = try await gnuplot.run(try figure.script(for: .png))
  }
}
