/// What a figure is drawn as.
enum Terminal: Sendable { case svg, pdf }

extension Figure {
  private static let font = "Helvetica"
  /// Room around the axes of a panel for tick labels, axis labels and headings.
  private static let margin = (left: 62, right: 16, top: 12, bottom: 46)
  private static let headingHeight = 20
  private static let legendLine = 20
  private static let legendEntry = 172
  private static let besideWidth = 170

  var rows: Int { (panels.count + columns - 1) / columns }

  /// The size of the whole drawing.
  var size: (width: Int, height: Int) {
    (columns * panelSize.width + (legend == .beside ? Figure.besideWidth : 0), rows * panelSize.height + strip)
  }

  /// The height of the legend above the panels.
  private var strip: Int {
    guard legend == .above else { return 0 }
    let names = panels.first?.series.filter { $0.name != nil }.count ?? 0
    let perLine = max(1, columns * panelSize.width / Figure.legendEntry)
    return 6 + Figure.legendLine * ((names + perLine - 1) / perLine)
  }

  /// The script that draws the figure.
  ///
  /// - Throws: `ReportError` with code `undrawable` if a number is not finite, or not positive on a logarithmic axis.
  func script(for terminal: Terminal) throws(ReportError) -> String {
    for panel in panels { try panel.check() }
    var script = Script()
    let (width, height) = size
    switch terminal {
    case .svg:
      script.line("set terminal svg size \(width),\(height) enhanced font '\(Figure.font),12'")
    case .pdf:
      script.line(
        "set terminal pdfcairo size \(Double(width) / 96)in,\(Double(height) / 96)in enhanced color "
          + "font '\(Figure.font),12' fontscale 0.75 linewidth 1.5 dashlength 0.7 pointscale 1")
    }
    script.line("set encoding utf8")
    script.line("set border 3 linecolor rgb '\(Theme.ink.light)' linewidth 0.75")
    script.line("set tics nomirror out scale 0.6,0.35 textcolor rgb '\(Theme.ink.light)'")
    script.line("set grid xtics ytics linetype 1 linecolor rgb '\(Theme.hairline.light)' linewidth 0.5")
    script.line("set multiplot")
    for (index, panel) in panels.enumerated() { draw(panel, at: index, into: &script) }
    script.line("unset multiplot")
    script.line("unset output")
    return script.text
  }

  private func draw(_ panel: Panel, at index: Int, into script: inout Script) {
    let (row, column) = (index / columns, index % columns)
    let (width, height) = (Double(size.width), Double(size.height))
    let isLowest = index + columns >= panels.count
    let headings = (panel.heading == nil ? 0 : Figure.headingHeight) + (panel.subheading == nil ? 0 : 16)
    let left = Double(column * panelSize.width + Figure.margin.left) / width
    let right = Double((column + 1) * panelSize.width - Figure.margin.right) / width
    let top = 1 - Double(strip + row * panelSize.height + Figure.margin.top + headings) / height
    let bottom = 1 - Double(strip + (row + 1) * panelSize.height - Figure.margin.bottom) / height
    script.line("set lmargin at screen \(left)")
    script.line("set rmargin at screen \(right)")
    script.line("set tmargin at screen \(top)")
    script.line("set bmargin at screen \(bottom)")

    let ink = "textcolor rgb '\(Theme.ink.light)'"
    for (name, axis) in [("x", panel.x), ("y", panel.y)] {
      script.line("\(axis.isLogarithmic ? "set" : "unset") logscale \(name)")
      script.line("set \(name)range [\(axis.range.lowerBound):\(axis.range.upperBound)]")
      script.line("set \(name)tics \(axis.ticks.script)")
    }
    script.line("set xlabel '\(isLowest ? panel.x.label : "")' offset 0,0.3 \(ink)")
    let sharesLabel = column > 0 && panels[index - 1].y.label == panel.y.label
    script.line("set ylabel '\(sharesLabel ? "" : panel.y.label)' offset 0.5,0 \(ink)")

    script.line("unset label")
    let perLine = 1 / (height * (top - bottom))
    if let heading = panel.heading {
      let above = 1 + Double(headings - 8) * perLine
      script.line(
        "set label 1 \(GnuplotText.quoted(elided(heading))) at graph 0,\(above) left noenhanced "
          + "font ',13' textcolor rgb '\(panel.headingColour.light)'")
    }
    if let subheading = panel.subheading {
      script.line(
        "set label 2 '\(subheading)' at graph 0,\(1 + 10 * perLine) left font ',11' "
          + "textcolor rgb '\(Theme.muted.light)'")
    }

    if index == 0 { place(legendIn: &script) } else { script.line("unset key") }
    let names = panel.series.indices.map { "$data_\(index)_\($0)" }
    for (name, series) in zip(names, panel.series) { script.block(name, series.rows) }
    let plots = zip(names, panel.series).flatMap { name, series in
      series.plots(of: name, isNamed: index == 0 && legend != .none)
    }
    script.line("plot " + plots.joined(separator: ", \\\n  "))
  }

  private func place(legendIn script: inout Script) {
    let style = "font ',11' textcolor rgb '\(Theme.ink.light)' noautotitle"
    switch legend {
    case .none:
      script.line("unset key")
    case .above:
      let x = Double(Figure.margin.left - 6) / Double(size.width)
      let y = 1 - 4 / Double(size.height)
      let lines = max(1, strip / Figure.legendLine)
      script.line(
        "set key at screen \(x),\(y) left top Left reverse horizontal maxrows \(lines) samplen 1.6 "
          + "width 1 \(style)")
    case .topRight:
      script.line("set key at graph 0.99,0.99 right top Left reverse vertical samplen 1.6 \(style)")
    case .beside:
      let x = Double(columns * panelSize.width) / Double(size.width)
      let y = 1 - Double(Figure.margin.top) / Double(size.height)
      script.line("set key at screen \(x),\(y) left top Left reverse vertical samplen 1.6 \(style)")
    }
  }

  /// As much of a heading as has room above its panel.
  private func elided(_ heading: String) -> String {
    GnuplotText.cleaned(heading, limit: max(12, panelSize.width / 8))
  }
}

extension Panel {
  fileprivate func check() throws(ReportError) {
    for series in series {
      for row in series.rows {
        for (place, value) in row.enumerated() {
          let isLogarithmic = place == 0 ? x.isLogarithmic : y.isLogarithmic
          guard value.isFinite, !isLogarithmic || value > 0 else {
            let what = [heading, series.name].compactMap(\.self).map { "'\(GnuplotText.cleaned($0))'" }
            throw ReportError(
              .undrawable,
              "\(value) cannot be drawn\(isLogarithmic ? " on a logarithmic axis" : "")"
                + (what.isEmpty ? "" : ", in \(what.joined(separator: ", "))"))
          }
        }
      }
    }
  }
}

extension Series {
  /// The parts of a `plot` command that draw it.
  fileprivate func plots(of block: String, isNamed: Bool) -> [String] {
    guard !rows.isEmpty else { return [] }
    let title = (isNamed ? name : nil).map { "title \(GnuplotText.quoted($0)) noenhanced" } ?? "notitle"
    let ink = "linecolor rgb '\(colour.light)'"
    let paper = "linecolor rgb '\(Theme.paper.light)'"
    return switch style {
    case .points(let radius):
      ["\(block) with points pointtype 7 pointsize \(radius / 4.12) \(ink) \(title)"]
    case .line(let width):
      ["\(block) with lines linewidth \(width) \(ink) \(title)"]
    case .dashed(let width):
      ["\(block) with lines dashtype (8,5) linewidth \(width) \(ink) \(title)"]
    case .dotted(let width):
      ["\(block) with lines dashtype (2,4) linewidth \(width) \(ink) \(title)"]
    case .ring:
      [
        "\(block) with points pointtype 7 pointsize 1 \(paper) notitle",
        "\(block) with points pointtype 6 pointsize 1 linewidth 1.5 \(ink) \(title)",
      ]
    case .bars:
      ["\(block) using 1:2:(0):($3-$2) with vectors nohead linewidth 1.25 \(ink) \(title)"]
    case .disc:
      ["\(block) with points pointtype 7 pointsize 0.9 \(ink) \(title)"]
    }
  }
}

/// A gnuplot script in the making.
private struct Script {
  private(set) var text = ""

  mutating func line(_ line: String) { text += line + "\n" }

  /// Numbers that plots refer to by name.
  mutating func block(_ name: String, _ rows: [[Double]]) {
    line("\(name) << EOD")
    for row in rows { line(row.map { "\($0)" }.joined(separator: " ")) }
    line("EOD")
  }
}
