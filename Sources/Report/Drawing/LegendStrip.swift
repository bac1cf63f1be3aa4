/// The legend above the panels of a figure: entries side by side, in as many lines as they need. Coordinates are pixels
/// from the strip's upper left corner.
struct LegendStrip {
  struct Entry {
    let name: String
    let x: Double
    let y: Double
    /// The series' look, on a few points beside its name.
    let sample: Series
  }

  private(set) var entries: [Entry] = []
  let height: Int

  private static let (left, lineHeight, sampleWidth) = (62.0, 20.0, 24.0)

  init(_ series: [Series], width: Int) {
    var x = LegendStrip.left
    var y = 13.0
    for series in series {
      let name = (series.name ?? "").printable.elided(to: max(12, (width - 100) / 8))
      // Text of 11 pixels is about 6 wide a character.
      let advance = LegendStrip.sampleWidth + 28 + 5.8 * Double(name.count)
      if x > LegendStrip.left, x + advance > Double(width) {
        x = LegendStrip.left
        y += LegendStrip.lineHeight
      }
      entries.append(Entry(name: name, x: x, y: y, sample: LegendStrip.sample(of: series, x: x, y: y)))
      x += advance
    }
    height = entries.isEmpty ? 0 : Int(y + 13)
  }

  private static func sample(of series: Series, x: Double, y: Double) -> Series {
    var sample = series
    switch series.style {
    case .points(let radius):
      // A point as small as some are drawn would not show its colour.
      sample.style = .points(radius: max(radius, 2.5))
      sample.rows = [[x + sampleWidth / 2, y]]
    case .ring, .marker: sample.rows = [[x + sampleWidth / 2, y]]
    case .line, .dashed, .dotted: sample.rows = [[x, y], [x + sampleWidth, y]]
    case .tiles: sample.rows = [[x, x + sampleWidth, y - 5, y + 5]]
    case .bars: sample.rows = [[x + sampleWidth / 2, y - 5, y + 5]]
    }
    return sample
  }
}
