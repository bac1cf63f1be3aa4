import Runs

/// The points of a growing curve, as many as a drawing can show, and how they look on a terminal.
struct CurvePlot {
  private var points: [MetricPoint] = []
  private(set) var last: MetricPoint?
  /// One point in so many is kept.
  private var stride = 1
  private var skipped = 0

  /// More points than any terminal has places for.
  private static let most = 1 << 14
  private static let lines = 12

  mutating func add(_ new: [MetricPoint]) {
    for point in new {
      last = point
      skipped += 1
      if skipped < stride { continue }
      skipped = 0
      points.append(point)
      if points.count < CurvePlot.most { continue }
      points = points.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
      stride *= 2
    }
  }

  /// Lines of text: the curve in braille dots, with the ends of its axes.
  /// - Parameter title: what is shown before the last value.
  func drawing(_ title: String, columns: Int, lines: Int) -> [String] {
    guard let last else { return [title.fitted(to: columns)] }
    let shown = points + (points.last == last ? [] : [last])
    let (steps, values) = (shown.map(\.step), shown.map(\.value))
    let (left, right) = (steps.min()!, steps.max()!)
    let (low, high) = (values.min()!, values.max()!)
    let labels = [high, low].map(CurvePlot.short)
    let margin = labels.map(\.count).max()! + 1
    let heading = "\(title) \(CurvePlot.short(last.value)) at step \(CurvePlot.short(last.step))".fitted(
      to: columns)
    let (width, height) = (max(4, columns - margin - 1), max(2, min(CurvePlot.lines, lines - 4)))

    var canvas = [[UInt8]](repeating: [UInt8](repeating: 0, count: width), count: height)
    func place(_ value: Double, _ low: Double, _ high: Double, _ most: Int) -> Int {
      // Halves, since the difference of two large numbers may not be finite; that of two tiny ones may be nothing.
      let range = high / 2 - low / 2
      guard range > 0 else { return most / 2 }
      return Int((value / 2 - low / 2) / range * Double(most) + 0.5)
    }
    var before: (x: Int, y: Int)?
    for point in shown {
      let x = place(point.step, left, right, 2 * width - 1)
      let y = 4 * height - 1 - place(point.value, low, high, 4 * height - 1)
      // A straight line from the point before it.
      let start = before ?? (x, y)
      let count = max(abs(x - start.x), abs(y - start.y), 1)
      for number in 0...count {
        let (x, y) = (start.x + (x - start.x) * number / count, start.y + (y - start.y) * number / count)
        canvas[y / 4][x / 2] |= CurvePlot.dots[y % 4][x % 2]
      }
      before = (x, y)
    }
    let rows = canvas.enumerated().map { number, cells in
      let label = number == 0 ? labels[0] : number == height - 1 ? labels[1] : ""
      let dots = cells.map { Character(Unicode.Scalar(0x2800 + UInt32($0))!) }
      return String(repeating: " ", count: margin - 1 - label.count) + label + " │" + String(dots)
    }
    let (first, end) = (CurvePlot.short(left), CurvePlot.short(right))
    let gap = String(repeating: " ", count: max(1, width - first.count - end.count))
    return [heading] + rows + [String(repeating: " ", count: margin + 1) + first + gap + end]
  }

  /// The dots of a braille character, by line and column.
  private static let dots: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

  /// A step without a point where it is whole.
  static func plain(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? number.description
  }

  /// Four digits of a number, or all that stand before its point.
  static func short(_ number: Double) -> String {
    if number == 0 { return "0" }
    if abs(number) >= 1e9 || abs(number) < 1e-3 { return exponent(number) }
    var scale = 1.0
    while abs(number) * scale < 1000 { scale *= 10 }
    let text = ((number * scale).rounded() / scale).description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private static func exponent(_ number: Double) -> String {
    var (value, power) = (number, 0)
    while abs(value) >= 10 { (value, power) = (value / 10, power + 1) }
    while abs(value) < 1 { (value, power) = (value * 10, power - 1) }
    return "\((value * 1000).rounded() / 1000)e\(power)"
  }
}
