/// A loss that falls ever faster towards the end, as when the learning rate is taken down. It breaks the picture of two
/// power laws: the first signs of it bend the second one.
struct Cooldown: Hashable {
  /// From about this step on.
  let firstStep: Int
  /// How far log L ends below the line before it.
  let drop: Double

  /// Compares the last fifth of the steps with a line through the points behind the break and before them.
  ///
  /// - Returns: nil where there is none, or too few points to tell.
  init?(_ points: FittedPoints, breakStep: Double) {
    let last = Double(points.steps[points.count - 1])
    let first = max(2 * breakStep, last / 8)
    let before = points.steps.indices.filter {
      Double(points.steps[$0]) >= first && Double(points.steps[$0]) <= 0.8 * last
    }
    guard before.count >= 10 else { return nil }
    let x = before.map { points.x[$0] }
    let y = before.map { points.y[$0] }
    let line = BrokenPowerLawSolver(x: x, y: y, breaks: 0).powerLaw
    let deviation = (line.sse / Double(x.count - 2)).squareRoot()
    func below(_ index: Int) -> Double { line.intercept - line.c0 * points.x[index] - points.y[index] }
    let drop = below(points.count - 1)
    guard drop > max(4 * deviation, 0.01) else { return nil }
    let inside = points.steps.indices.last { below($0) <= 2 * deviation } ?? 0
    self.drop = drop
    firstStep = points.steps[min(inside + 1, points.count - 1)]
  }
}
