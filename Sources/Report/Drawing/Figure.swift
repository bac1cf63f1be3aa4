internal import Compute

/// A drawing as a value: panels in a grid, and what is drawn in each. Sizes are CSS pixels (1/96 inch).
struct Figure: Sendable {
  /// What it shows, in a few words.
  var title: String
  /// How to read it.
  var caption: String
  /// What is to be seen in it, for those who cannot see it.
  var findings = ""
  var panels: [Panel]
  /// Panels side by side.
  var columns: Int
  var panelSize: (width: Int, height: Int)
  var legend: Legend = .none
  /// Drawn in place of panels, where there is nothing to draw.
  var message: String?

  enum Legend: Sendable {
    case none
    /// In one row or more above the panels.
    case above
    /// Inside the first panel, in the corner where falling curves leave room.
    case topRight
    /// Beside the panels, where many names need it.
    case beside
  }

  /// The named series of all panels, each name once; in no run's colour where runs share it.
  var legendEntries: [Series] {
    guard legend != .none else { return [] }
    var entries: [Series] = []
    for var series in panels.flatMap(\.series) where series.name != nil {
      series.name = series.legendName ?? series.name
      if let index = entries.firstIndex(where: { $0.name == series.name }) {
        if entries[index].colour != series.colour { entries[index].colour = Theme.muted }
      } else {
        entries.append(series)
      }
    }
    return entries
  }
}

struct Panel: Sendable {
  /// Drawn as it is written, above the axes.
  var heading: String?
  var headingColour = Theme.ink
  /// Gnuplot's enhanced text, so nothing from outside; in small print under the heading.
  var subheading: String?
  var x: Axis
  var y: Axis
  var series: [Series]
  /// Small print beside places of the panel, in gnuplot's enhanced text.
  var notes: [(text: String, x: Double, y: Double)] = []

  /// As it is drawn: with bars that end where the axis ends.
  var clipped: Panel {
    var panel = self
    for index in series.indices where series[index].style == .bars {
      panel.series[index].rows = series[index].rows.map { bar in
        [bar[0], max(bar[1], y.range.lowerBound), min(bar[2], y.range.upperBound)]
      }
    }
    return panel
  }
}

struct Axis: Sendable {
  /// Gnuplot's enhanced text.
  var label: String
  var isLogarithmic: Bool
  var range: ClosedRange<Double>
  var ticks: Ticks

  /// An axis that holds the values with some air around them.
  init(_ label: String, logarithmic: Bool, holding values: some Sequence<Double>, air: Double = 0.05) {
    self.label = label
    isLogarithmic = logarithmic
    let values = values.filter { Axis.holds($0, logarithmic: logarithmic) }
    var low = values.min() ?? 1
    var high = values.max() ?? 10
    if logarithmic {
      if high / low < 1.02 { (low, high) = (low / 1.1, high * 1.1) }
      let margin = Elementary.pow(high / low, air)
      range = (low / margin)...(high * margin)
      ticks = .logarithmic(range)
    } else {
      if high - low <= max(abs(low), abs(high)) * 1e-6 {
        let width = max(abs(low), abs(high)) * 0.1
        (low, high) = width > 0 ? (low - width, high + width) : (-1, 1)
      }
      let margin = (high - low) * air
      range = (low - margin)...(high + margin)
      ticks = .linear(range)
    }
  }

  /// Numbers that are not finite have no place on an axis, nor have those that are not positive on a logarithmic one, nor
  /// those near the ends of what a double can be.
  static func holds(_ value: Double, logarithmic: Bool) -> Bool {
    value.magnitude < 1e200 && (!logarithmic || value > 1e-200)
  }
}

/// What is drawn in a panel, in the order of drawing.
struct Series: Sendable {
  enum Style: Sendable, Hashable {
    /// Filled discs; the radius is in pixels.
    case points(radius: Double)
    case line(width: Double)
    case dashed(width: Double)
    case dotted(width: Double)
    /// A ring, filled with the paper's colour.
    case ring
    /// Vertical bars with x, low and high.
    case bars
    /// The shape that goes with the colour.
    case marker
    /// Filled rectangles.
    case tiles
  }

  var style: Style
  var colour: Colour
  /// x and y; for bars x, low and high, also beyond the axis; for tiles low and high x, low and high y. A row without values
  /// interrupts a line.
  var rows: [[Double]]
  /// What it is called in the data of the figure, and in the legend, drawn as it is written; nil for none.
  var name: String?
  /// What it is called in the legend, where several share a name there.
  var legendName: String?
  /// For the data of the figure: what is known of the error of each row, drawn or not; empty where nothing is known of any.
  var intervals: [(lower: Double, upper: Double)?]

  init(
    _ style: Style, _ colour: Colour, _ rows: [[Double]], name: String? = nil, legendName: String? = nil,
    intervals: [(lower: Double, upper: Double)?] = []
  ) {
    self.style = style
    self.colour = colour
    self.rows = rows
    self.name = name
    self.legendName = legendName
    self.intervals = intervals
  }
}
