internal import Compute
internal import System

/// What a figure is drawn as.
enum Terminal: Sendable { case svg, pdf, png }

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
  /// - Throws: `Failure` with code `undrawable` if a number is not finite, or not positive on a logarithmic axis.
  func script(for terminal: Terminal) throws(Failure) -> String {
    let panels = panels.map(\.clipped)
    for panel in panels { try panel.check() }
    var script = Script()
    let (width, height) = size
    switch terminal {
    case .svg:
      script.line("set terminal svg size \(width),\(height) enhanced font '\(Figure.font),12'")
    case .pdf:
      // pdfcairo takes a font of size 12 for one of 16 points; 12 pixels are 9 points.
      script.line(
        "set terminal pdfcairo size \(Double(width) / 96)in,\(Double(height) / 96)in enhanced color "
          + "font '\(Figure.font),12' fontscale 0.5625 linewidth 1.5 dashlength 0.9")
    case .png:
      // Two pixels for one, for screens that are as fine as paper.
      script.line(
        "set terminal pngcairo size \(2 * width),\(2 * height) enhanced color background "
          + "rgb '\(Theme.paper.light)' font '\(Figure.font),12' fontscale 1.5 linewidth 2 dashlength 0.9")
    }
    script.line("set encoding utf8")
    script.line("set clip two")
    script.line(Figure.axes)
    script.line("set multiplot")
    if let message { write(message, into: &script) }
    if legend == .above { drawLegend(into: &script) }
    for (index, panel) in panels.enumerated() { draw(panel, at: index, for: terminal, into: &script) }
    script.line("unset multiplot")
    script.line("unset output")
    return script.text
  }

  private func draw(_ panel: Panel, at index: Int, for terminal: Terminal, into script: inout Script) {
    let (row, column) = (index / columns, index % columns)
    let headings = (panel.heading == nil ? 0 : Figure.headingHeight) + (panel.subheading == nil ? 0 : 16)
    let left = column * panelSize.width + Figure.margin.left
    let right = (column + 1) * panelSize.width - Figure.margin.right
    let top = strip + row * panelSize.height + Figure.margin.top + headings
    let bottom = strip + (row + 1) * panelSize.height - Figure.margin.bottom
    script.line("set lmargin at screen \(screenX(left))")
    script.line("set rmargin at screen \(screenX(right))")
    script.line("set tmargin at screen \(screenY(top))")
    script.line("set bmargin at screen \(screenY(bottom))")
    // The terminals differ in how far they put tick labels from the axis.
    let offsets = terminal == .svg ? (x: "0,0.45", y: "0.4,0") : (x: "0,0.15", y: "0.4,0")
    for (name, axis, offset) in [("x", panel.x, offsets.x), ("y", panel.y, offsets.y)] {
      script.line(
        "set \(name)range [\(axis.place(axis.range.lowerBound)):\(axis.place(axis.range.upperBound))]")
      let (start, end) = (axis.place(axis.range.lowerBound), axis.place(axis.range.upperBound))
      let pixels = Double(name == "x" ? right - left : bottom - top)
      let ticks = axis.ticks.labelled(
        at: { (axis.place($0) - start) / (end - start) * pixels }, isHorizontal: name == "x")
      script.line("set \(name)tics nomirror offset \(offset) \(ticks.script(axis.place))")
    }

    script.line("unset label")
    if let heading = panel.heading {
      label(
        GnuplotText.quoted(elided(heading)), x: left, y: top - headings + 8, "left noenhanced font ',13'",
        panel.headingColour, into: &script)
    }
    if let subheading = panel.subheading {
      label("'\(subheading)'", x: left, y: top - 10, "left font ',11'", Theme.muted, into: &script)
    }
    // The lowest panel of a column has the label for all of it, and so has the first of a row whose axes are alike.
    if index + columns >= panels.count {
      label("'\(panel.x.label)'", x: (left + right) / 2, y: bottom + 34, "center", Theme.ink, into: &script)
    }
    if column == 0 || panels[index - 1].y.label != panel.y.label {
      label(
        "'\(panel.y.label)'", x: left - Figure.margin.left + 14, y: (top + bottom) / 2, "center rotate by 90",
        Theme.ink, into: &script)
    }

    for note in panel.notes {
      script.line(
        "set label '\(note.text)' at \(panel.x.place(note.x)),\(panel.y.place(note.y)) left font ',9' offset 0.3,0.4 "
          + "textcolor rgb '\(Theme.muted.light)'")
    }
    script.line(index == 0 ? key : "unset key")
    let names = panel.series.indices.map { "$data_\(index)_\($0)" }
    for (name, series) in zip(names, panel.series) {
      script.block(name, series.places(panel.x.place, panel.y.place))
    }
    let plots = zip(names, panel.series).flatMap { name, series in series.plots(of: name) }
    let entries = index == 0 && legend != .above ? legendEntries.map(\.keyEntry) : []
    script.line("plot " + (plots + entries).joined(separator: ", \\\n  "))
  }

  private func label(
    _ text: String, x: Int, y: Int, _ style: String, _ colour: Colour, into script: inout Script
  ) {
    script.line(
      "set label \(text) at screen \(screenX(x)),\(screenY(y)) \(style) textcolor rgb '\(colour.light)'")
  }

  private func screenX(_ pixels: Int) -> Double { Double(pixels) / Double(size.width) }
  private func screenY(_ pixels: Int) -> Double { 1 - Double(pixels) / Double(size.height) }

  private func write(_ message: String, into script: inout Script) {
    script.line("unset border; unset tics; unset key")
    label(
      GnuplotText.quoted(message), x: size.width / 2, y: size.height / 2, "center noenhanced", Theme.muted,
      into: &script)
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
      let (x, y) = (screenX(columns * panelSize.width), screenY(Figure.margin.top))
      return "set key at screen \(x),\(y) left \(style)"
    }
  }

  /// A plot of its own, over the whole width, whose coordinates are pixels.
  private func drawLegend(into script: inout Script) {
    let strip = LegendStrip(legendEntries, width: size.width)
    script.line("set lmargin at screen 0")
    script.line("set rmargin at screen 1")
    script.line("set tmargin at screen 1")
    script.line("set bmargin at screen \(screenY(strip.height))")
    script.line("unset border; unset tics; unset grid; unset key")
    script.line("set xrange [0:\(size.width)]")
    script.line("set yrange [\(strip.height):0]")
    var plots: [String] = []
    for (index, entry) in strip.entries.enumerated() {
      script.line(
        "set label \(index + 1) \(GnuplotText.quoted(entry.name)) at \(entry.x + 30),\(entry.y) left noenhanced "
          + "font ',11' textcolor rgb '\(Theme.ink.light)'")
      script.block("$legend_\(index)", entry.sample.places({ $0 }, { $0 }))
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

extension Axis {
  /// Where gnuplot is to put a value. It knows no logarithmic axes: the logarithms of the system's library would differ
  /// from machine to machine.
  fileprivate func place(_ value: Double) -> Double { isLogarithmic ? Elementary.log10(value) : value }
}

extension Panel {
  fileprivate func check() throws(Failure) {
    for series in series {
      for row in series.rows {
        for (place, value) in row.enumerated() {
          let isLogarithmic = place == 0 ? x.isLogarithmic : y.isLogarithmic
          guard Axis.holds(value, logarithmic: isLogarithmic) else {
            let what = [heading, series.name].compactMap(\.self).map { "'\($0.printable)'" }
            throw Failure(
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
  /// The rows as gnuplot takes them; of tiles, the middle stands ahead of the ends.
  fileprivate func places(_ x: (Double) -> Double, _ y: (Double) -> Double) -> [[Double]] {
    rows.map { row in
      guard style == .tiles, row.count == 4 else { return row.prefix(1).map(x) + row.dropFirst().map(y) }
      let ends = row[..<2].map(x) + row[2...].map(y)
      return [(ends[0] + ends[1]) / 2, (ends[2] + ends[3]) / 2] + ends
    }
  }

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
    case .tiles:
      ["\(block) using 1:2:3:4:5:6 \(with()) notitle"]
    case .points, .line, .dashed, .dotted, .marker:
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
      case .marker: "points pointtype \(Marker(of: colour).rawValue) pointsize 0.9 linewidth 1.25"
      case .tiles: "boxxyerror fillstyle solid noborder"
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
