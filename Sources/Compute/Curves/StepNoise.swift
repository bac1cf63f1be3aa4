internal import JSON
internal import System

/// The noise of the losses that a curve is made of: deviations of log L from a smooth course, autocorrelated as an AR(1), of a
/// size that may change along the run.
public struct StepNoise: Sendable, Hashable {
  /// The autocorrelation of neighbouring points.
  public private(set) var persistence = 0.0
  /// From the last to the first: the first point of each stretch, and the standard deviation of log L in it.
  public private(set) var stretches: [Stretch] = []

  public struct Stretch: Sendable, Hashable {
    public let firstPoint: Int
    public let deviation: Double
    /// How many independent points of its own tell its size. Infinite where that is taken as known.
    let freedom: Double
    /// What the variance of the stretch behind it counts in its own.
    let inherited: Double

    init(firstPoint: Int, deviation: Double, freedom: Double = .infinity, inherited: Double = 0) {
      self.firstPoint = firstPoint
      self.deviation = deviation
      self.freedom = freedom
      self.inherited = inherited
    }
  }

  /// The prior of a stretch, in independent points: that its noise is that of the one behind it.
  private static let priorPoints = 10.0
  /// What was measured in one stretch.
  struct Sum {
    let first: Int
    /// As many independent ones as tell as much of the size.
    var points: Double
    /// Of the squares of the residuals, and of the products of neighbours.
    var squares, products: Double
  }

  /// Stretches double the step; a parabola in log t is taken out of each.
  init(steps: [Int], logLosses: [Double]) {
    let course = 3
    var sums: [Sum] = []
    var end = steps.count
    while end > 0, steps[end - 1] > 0 {
      var first = end - 1
      while first > 0, steps[first - 1] > 0, 2 * steps[first - 1] > steps[end - 1] { first -= 1 }
      let x = (first..<end).map { Elementary.log(Double(steps[$0])) }
      let mean = Sums.mean(x)
      var basis: [[Double]] = []
      for power in 0..<course { basis.appendOrthonormal(x.map { Elementary.power($0 - mean, power) }) }
      let rest = x.count > course ? Array(logLosses[first..<end]).without(basis) : []
      sums.append(
        Sum(
          first: first, points: Double(end - first), squares: Sums.dot(rest, rest),
          products: Sums.dot(Array(rest.dropLast()), Array(rest.dropFirst()))))
      end = first
    }
    // Of hundreds and thousands of losses in a stretch the size of their noise is known.
    self.init(sums, course: Double(course), isCorrelated: true, isKnown: true)
  }

  /// - Parameters:
  ///   - sums: the last stretch first.
  ///   - course: coefficients that were taken out of each. Each takes the power of the noise at frequency 0 with it,
  ///     gamma_0 (1 + phi) / (1 - phi), which is put back.
  ///   - isCorrelated: whether the products say how much.
  ///   - isKnown: whether the sizes are taken as known.
  init(_ sums: [Sum], course: Double, isCorrelated: Bool, isKnown: Bool) {
    var deviations = [Double](repeating: 0, count: sums.count)
    var (freedoms, inherited) = (deviations, deviations)
    for _ in 0..<50 {
      let power = (1 + persistence) / (1 - persistence)
      // Points that tell as much of the size as an independent one.
      let cost = (1 + persistence * persistence) / (1 - persistence * persistence)
      let prior = StepNoise.priorPoints * cost
      var behind: Double?
      var (numerator, denominator) = (0.0, 0.0)
      for (index, each) in sums.enumerated() {
        let free = each.points - course * power
        let variance: Double
        if let behind {
          variance = free > 0 ? (each.squares + prior * behind) / (free + prior) : behind
          freedoms[index] = max(free, 0) / cost
          inherited[index] = prior / (max(free, 0) + prior)
        } else {
          variance = each.squares / max(free, 1)
          freedoms[index] = max(free, 1) / cost
        }
        deviations[index] = variance.squareRoot()
        if free > prior, variance > 0 {
          numerator += each.products / variance + course * power
          denominator += each.points - 1
        }
        behind = variance
      }
      let last = persistence
      persistence = isCorrelated && denominator > 0 ? min(max(numerator / denominator, 0), 0.995) : 0
      if (persistence - last).magnitude < 1e-6 { break }
    }
    stretches = sums.indices.map {
      Stretch(
        firstPoint: sums[$0].first, deviation: deviations[$0], freedom: isKnown ? .infinity : freedoms[$0],
        inherited: isKnown ? 0 : inherited[$0])
    }
  }

  func deviation(at point: Int) -> Double {
    stretch(at: point).map { stretches[$0].deviation } ?? 0
  }

  /// The place of a point's stretch in `stretches`; nil if there is none.
  func stretch(at point: Int) -> Int? {
    stretches.isEmpty ? nil : stretches.firstIndex { $0.firstPoint <= point } ?? stretches.count - 1
  }
}

extension StepNoise {
  var json: JSON {
    [
      "persistence": .number(persistence), "first_point": .wholes(stretches.map(\.firstPoint)),
      "deviation": .numbers(stretches.map(\.deviation)),
    ]
  }

  init(json: JSON) throws(Failure) {
    persistence = try json.number("persistence")
    let points = try json.wholes("first_point")
    let deviations = try json.numbers("deviation")
    guard points.count == deviations.count, (0..<1).contains(persistence), deviations.allSatisfy({ $0 >= 0 }),
      points.allSatisfy(CurveOrigin.holds)
    else {
      throw Failure(.malformed, "this is no noise of a curve")
    }
    stretches = zip(points, deviations).map { Stretch(firstPoint: $0, deviation: $1) }
  }
}
