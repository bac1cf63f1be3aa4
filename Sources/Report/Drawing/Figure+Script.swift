/// What a figure is drawn as.
enum Terminal: Sendable { case svg, pdf }

extension Figure {
  private static let font = "Helvetica"
  /// Room around the axes of a panel for tick labels, axis labels and headings.
  private static let margin = (left: 66, right: 14, top: 12, bottom: 34)
  /// For the label of the x axis, below the lowest panels only.
  private static let labelHeight = 18
  private static let headingHeight = 20
  private static let besideWidth = 170

  var rows: Int { max(1, (panels.count + columns - 1) / columns) }

  /// The size of the whole drawing.
  var size: (width: Int, height: Int) {
    (columns * panelSize.width + (legend == .beside ? Figure.besideWidth : 0), height)
  }

  private var height: Int { strip + rows * panelSize.height + (panels.isEmpty ? 0 : Figure.labelHeight) }

  /// The height of the legend above the panels.
  private var strip: Int {
    legend == .above ? LegendStrip(legendEntries, width: columns * panelSize.width).height : 0
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
    script.line(Figure.axes)
    script.line("set multiplot")
    if let message { write(message, into: &script) }
    if legend == .above { drawLegend(into: &script) }
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
      script.line("set \(name)tics nomirror offset \(name == "x" ? "0,0.45" : "0.4,0") \(axis.ticks.script)")
    }
    script.line("set xlabel '\(isLowest ? panel.x.label : "")' offset 0,0.9 \(ink)")
    let sharesLabel = column > 0 && panels[index - 1].y.label == panel.y.label
    script.line("set ylabel '\(sharesLabel ? "" : panel.y.label)' offset 1.4,0 \(ink)")

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

    script.line(index == 0 ? key : "unset key")
    let names = panel.series.indices.map { "$data_\(index)_\($0)" }
    for (name, series) in zip(names, panel.series) { script.block(name, series.rows) }
    let plots = zip(names, panel.series).flatMap { name, series in series.plots(of: name) }
    let entries = index == 0 && legend != .above ? legendEntries.map(\.keyEntry) : []
    script.line("plot " + (plots + entries).joined(separator: ", \\\n  "))
  }

  private func write(_ message: String, into script: inout Script) {
    script.line("unset border; unset tics; unset key")
    script.line(
      "set label 1 \(GnuplotText.quoted(message)) at screen 0.5,0.5 center noenhanced "
        + "textcolor rgb '\(Theme.muted.light)'")
    script.line("plot [0:1][0:1] 2 notitle")
  }

  /// The command that places the legend among the panels.
  private var key: String {
    let style = "top Left reverse vertical samplen 1.6 \(Figure.keyStyle)"
    switch legend {
    case .none, .above:
      return "unset key"
    case .topRight:
      return "set key at graph 0.99,0.99 right \(style)"
    case .beside:
      let x = Double(columns * panelSize.width) / Double(size.width)
      let y = 1 - Double(Figure.margin.top) / Double(size.height)
      return "set key at screen \(x),\(y) left \(style)"
    }
  }

  /// A plot of its own, over the whole width, whose coordinates are pixels.
  private func drawLegend(into script: inout Script) {
    let strip = LegendStrip(legendEntries, width: size.width)
    script.line("set lmargin at screen 0")
    script.line("set rmargin at screen 1")
    script.line("set tmargin at screen 1")
    script.line("set bmargin at screen \(1 - Double(strip.height) / Double(size.height))")
    script.line("unset border; unset tics; unset grid; unset key")
    script.line("set xrange [0:\(size.width)]")
    script.line("set yrange [\(strip.height):0]")
    var plots: [String] = []
    for (index, entry) in strip.entries.enumerated() {
      script.line(
        "set label \(index + 1) \(GnuplotText.quoted(entry.name)) at \(entry.x + 30),\(entry.y) left noenhanced "
          + "font ',11' textcolor rgb '\(Theme.ink.light)'")
      script.block("$legend_\(index)", entry.sample.rows)
      plots += entry.sample.plots(of: "$legend_\(index)")
    }
    script.line("plot " + plots.joined(separator: ", \\\n  "))
    script.line(Figure.axes)
  }

  private static let keyStyle = "font ',11' textcolor rgb '\(Theme.ink.light)' noautotitle"
  private static let axes = """
    set border 3 linecolor rgb '\(Theme.ink.light)' linewidth 0.75
    set tics nomirror out scale 0.6,0.35 textcolor rgb '\(Theme.ink.light)'
    set grid xtics ytics linetype 1 linecolor rgb '\(Theme.hairline.light)' linewidth 0.5
    """

  /// As much of a heading as has room above its panel.
  private func elided(_ heading: String) -> String {
    heading.printable.elided(to: max(12, panelSize.width / 8))
  }
}

extension Panel {
  fileprivate func check() throws(ReportError) {
    for series in series {
      for row in series.rows {
        for (place, value) in row.enumerated() {
          let isLogarithmic = place == 0 ? x.isLogarithmic : y.isLogarithmic
          guard Axis.holds(value, logarithmic: isLogarithmic) else {
            let what = [heading, series.name].compactMap(\.self).map { "'\($0.printable)'" }
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
  func plots(of block: String) -> [String] {
    guard !rows.isEmpty else { return [] }
    return switch style {
    case .bars:
      ["\(block) using 1:2:(0):($3-$2) \(with()) notitle"]
    case .ring:
      [
        "\(block) with points pointtype 7 pointsize 1 linecolor rgb '\(Theme.paper.light)' notitle",
        "\(block) \(with()) notitle",
      ]
    case .points, .line, .dashed, .dotted, .disc:
      ["\(block) \(with()) notitle"]
    }
  }

  fileprivate var keyEntry: String {
    "keyentry \(with(forLegend: true)) title \(GnuplotText.quoted(name ?? "")) noenhanced"
  }

  private func with(forLegend: Bool = false) -> String {
    let drawn =
      switch style {
      // A point as small as some are drawn would not show its colour.
      case .points(let radius):
        "points pointtype 7 pointsize \((forLegend ? max(radius, 2.5) : radius) / 4.12)"
      case .line(let width): "lines linewidth \(width)"
      case .dashed(let width): "lines dashtype (8,5) linewidth \(width)"
      case .dotted(let width): "lines dashtype (2,4) linewidth \(width)"
      case .ring: "points pointtype 6 pointsize 1 linewidth 1.5"
      case .bars: "vectors nohead linewidth 1.25"
      case .disc: "points pointtype 7 pointsize 0.9"
      }
    return "with \(drawn) linecolor rgb '\(colour.light)'"
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
