internal import System

/// The points of a prepared curve that a fit uses, on logarithmic axes.
struct FittedPoints {
  /// Which points of the curve they are, from 0.
  let places: [Int]
  let steps: [Int]
  /// log t
  let x: [Double]
  /// log L
  let y: [Double]

  var count: Int { x.count }

  /// A fit of five parameters to fewer points than this says nothing.
  static let fewest = 12

  /// - Parameter skip: points at steps up to this one are the transient, and are left out.
  /// - Throws: `Failure.unusable` if too few points remain, or they do not vary.
  init(_ curve: PreparedCurve, skip: Int) throws(Failure) {
    let first = max(skip, 0)
    places = curve.steps.indices.filter {
      curve.steps[$0] > first && curve.losses[$0] > 0 && curve.losses[$0].isFinite
    }
    steps = places.map { curve.steps[$0] }
    x = steps.map { Elementary.log(Double($0)) }
    y = places.map { Elementary.log(curve.losses[$0]) }
    guard Set(steps).count >= FittedPoints.fewest else {
      throw Failure(
        .unusable,
        "run '\(curve.run)' has \(Set(steps).count) points behind step \(first); a fit needs at least "
          + "\(FittedPoints.fewest)",
        hint: first > 0 ? "lower skip (now \(first))" : nil)
    }
    for index in 1..<x.count where x[index] < x[index - 1] {
      throw Failure(.malformed, "the steps of run '\(curve.run)' go back at step \(steps[index])")
    }
    let low = y.min() ?? 0
    let high = y.max() ?? 0
    guard high - low > 1e-9 * max(1, low.magnitude, high.magnitude) else {
      throw Failure(.unusable, "the loss of run '\(curve.run)' is constant: there is nothing to fit")
    }
  }
}
