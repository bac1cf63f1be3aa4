internal import Compute

/// A quantity of a run at its checkpoints.
struct Trace: Sendable {
  struct Point: Sendable {
    /// Above 0: steps stand on a logarithmic axis.
    let step: Double
    let value: Double
    /// Of what is known of its error: an interval, or a deviation on each side.
    var interval: ClosedRange<Double>?
  }

  /// In the data and the legend; nil for none.
  let name: String?
  /// In the legend, where several share a name there.
  var legendName: String?
  let colour: Colour
  let points: [Point]
  var isDashed = false

  /// What an axis should hold of it: bars go down to a third of a value on a logarithmic one, and dashed lines have none.
  func values(logarithmic: Bool) -> [Double] {
    points.flatMap { point -> [Double] in
      guard let interval = point.interval, !isDashed else { return [point.value] }
      let least = logarithmic ? max(interval.lowerBound, point.value / 3) : interval.lowerBound
      return [point.value, least, interval.upperBound]
    }
  }

  /// A line through markers, with bars. What has a name has the intervals for the data, too.
  func series(on y: Axis) -> [Series] {
    let shown = points.filter { Axis.holds($0.value, logarithmic: y.isLogarithmic) }
    let rows = shown.map { [$0.step, $0.value] }
    let intervals = shown.map { $0.interval.map { (lower: $0.lowerBound, upper: $0.upperBound) } }
    let bars = shown.compactMap { point in
      point.interval.map { [point.step, $0.lowerBound, $0.upperBound] }
    }
    if isDashed {
      return [
        Series(.dashed(width: 1), colour, rows, name: name, legendName: legendName, intervals: intervals),
        Series(.points(radius: 1.5), colour, rows),
      ]
    }
    let line = Series(.line(width: 1), colour, rows)
    return (bars.isEmpty ? [] : [Series(.bars, colour, bars)]) + [
      line, Series(.marker, colour, rows, name: name, legendName: legendName, intervals: intervals),
    ]
  }
}

/// A panel of traces against the step, with the deceleration step of each run marked.
struct TracePanel {
  var heading: String?
  var subheading: String?
  /// Gnuplot's enhanced text.
  let label: String
  var isLogarithmic = false
  /// Values that the axis holds beside those of the traces.
  var alsoHolds: [Double] = []
  let traces: [Trace]
  /// Steps and colours of vertical lines.
  var marks: [(step: Double, colour: Colour)] = []

  func panel(x: Axis) -> Panel {
    let values = traces.flatMap { $0.values(logarithmic: isLogarithmic) }
    let y = Axis(label, logarithmic: isLogarithmic, holding: values + alsoHolds)
    let ends = (y.range.lowerBound, y.range.upperBound)
    let lines = marks.filter { x.range.contains($0.step) }.map { mark in
      Series(.dotted(width: 1.25), mark.colour, [[mark.step, ends.0], [mark.step, ends.1]])
    }
    return Panel(
      heading: heading, subheading: subheading, x: x, y: y,
      series: lines + traces.flatMap { $0.series(on: y) })
  }
}

extension Figure {
  /// Panels of traces over one axis of steps; those without a point are left out.
  static func traces(
    _ panels: [TracePanel], title: String, caption: String, findings: String, columns: Int, width: Int,
    aspect: Double = 0.95
  ) -> Figure {
    let panels = panels.filter { $0.traces.contains { !$0.points.isEmpty } }
    let steps = panels.flatMap(\.traces).flatMap { $0.points.map(\.step) }
    let x = Axis("step {/:Italic t}", logarithmic: true, holding: steps, air: 0.03)
    return Figure(
      title: title, caption: caption, findings: findings, panels: panels.map { $0.panel(x: x) },
      columns: min(columns, max(1, panels.count)), width: width, aspect: aspect, legend: .above)
  }
}
