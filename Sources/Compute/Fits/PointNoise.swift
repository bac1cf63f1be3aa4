/// The noise of a prepared curve's points, to be drawn again: that of the steps whose means they are, as an AR(1) whose size
/// changes along the run, and what the one-break law leaves besides, as an Ornstein-Uhlenbeck process over log t.
///
/// Means over thousands of steps are drawn without those: the sum of an AR(1) over a stretch and its value at the end are
/// jointly normal, given its value before. Sizes that few points tell are drawn, too: see `StepNoise.drawnDeviations`.
struct PointNoise {
  private struct Cell {
    /// By the value before: of the sum, and of the value at the end.
    let sumGain, gain: Double
    /// Of the two independent normal draws: the value takes the first, the sum both.
    let own, sumFirst, sumSecond: Double
    /// The stretch of the noise that it is in; nil if there is none.
    let stretch: Int?
  }

  private let noise: StepNoise
  var persistence: Double { noise.persistence }
  private let cells: [Cell]
  /// The cells of each point's window, and its steps.
  private let windows: [(cells: Range<Int>, steps: Double)]
  /// What is kept of the process from point to point, and its size.
  private let kept: [Double]
  let discrepancy: Double

  /// - Parameters:
  ///   - windows: the steps' places that each point is the mean of, ascending.
  ///   - noise: of the steps.
  ///   - x: log t of the points.
  init(windows: [ClosedRange<Int>], noise: StepNoise, x: [Double], discrepancy: Double, range: Double) {
    let edges = Set(windows.flatMap { [$0.lowerBound, $0.upperBound + 1] }).sorted()
    var places: [Int: Int] = [:]
    for (index, edge) in edges.enumerated() { places[edge] = index }
    let phi = noise.persistence
    self.noise = noise
    var cells: [Cell] = []
    for (edge, next) in zip(edges, edges.dropFirst()) {
      let m = Double(next - edge)
      let power = Elementary.power(phi, next - edge)
      let g = (1 - power) / (1 - phi)
      let square = (1 - power * power) / (1 - phi * phi)
      let sumVariance = (1 + phi) / (1 - phi) * (m - 2 * phi * g + phi * phi * square)
      let covariance = (1 + phi) * (g - phi * square)
      let own = (1 - power * power).squareRoot()
      let shared = own > 0 ? covariance / own : 0
      cells.append(
        Cell(
          sumGain: phi * g, gain: power, own: own, sumFirst: shared,
          sumSecond: max(sumVariance - shared * shared, 0).squareRoot(),
          stretch: noise.stretch(at: (edge + next) / 2)))
    }
    self.cells = cells
    self.windows = windows.map {
      ((places[$0.lowerBound] ?? 0)..<(places[$0.upperBound + 1] ?? 0), Double($0.count))
    }
    kept = x.indices.map { $0 == 0 || range <= 0 ? 0 : Elementary.exp(-(x[$0] - x[$0 - 1]) / range) }
    self.discrepancy = discrepancy
  }

  /// Adds a draw to the points' values.
  func add(to y: inout [Double], _ random: Philox, stream: UInt32) {
    let deviations = noise.drawnDeviations(random, stream: stream)
    var sums = [Double](repeating: 0, count: cells.count + 1)
    var value = random.normals(stream: stream, index: 0).0
    for (index, cell) in cells.enumerated() {
      let (a, b) = random.normals(stream: stream, index: UInt64(index + 1))
      let sum = cell.sumGain * value + cell.sumFirst * a + cell.sumSecond * b
      value = cell.gain * value + cell.own * a
      sums[index + 1] = sums[index] + (cell.stretch.map { deviations[$0] } ?? 0) * sum
    }
    for (index, window) in windows.enumerated() {
      y[index] += (sums[window.cells.upperBound] - sums[window.cells.lowerBound]) / window.steps
    }
    guard discrepancy > 0 else { return }
    var level = 0.0
    for index in y.indices {
      let draw = random.normals(stream: stream, index: UInt64(1 << 40 + index)).0
      level = kept[index] * level + (1 - kept[index] * kept[index]).squareRoot() * draw
      y[index] += discrepancy * level
    }
  }
}
