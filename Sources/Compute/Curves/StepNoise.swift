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
    /// How many independent points of its own tell its size. Infinite where that is taken as known, as curves were that an earlier
    /// revision of curve.prepare has made.
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

    /// How many of its points a course of so many coefficients takes out, each of them this many; from short stretches less, of which
    /// no more than half is counted.
    func taken(by course: Double, power: Double) -> Double { min(course * power, max(course, points / 2)) }
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
    self.init(sums, course: Double(course), isCorrelated: true)
  }

  /// - Parameters:
  ///   - sums: the last stretch first.
  ///   - course: coefficients that were taken out of each. Each takes the power of the noise at frequency 0 with it,
  ///     gamma_0 (1 + phi) / (1 - phi), which is put back.
  ///   - isCorrelated: whether the products say how much.
  init(_ sums: [Sum], course: Double, isCorrelated: Bool) {
    if isCorrelated { persistence = StepNoise.persistence(of: sums, course: course) }
    stretches = zip(sums, StepNoise.sizes(sums, course: course, persistence: persistence)).map { sum, size in
      Stretch(
        firstPoint: sum.first, deviation: size.variance.squareRoot(), freedom: size.freedom,
        inherited: size.inherited)
    }
  }

  /// The least autocorrelation that is also what the products of neighbours say if it is put back into what the course took: looked for
  /// from 0 up, then by halving.
  private static func persistence(of sums: [Sum], course: Double) -> Double {
    // The longest stretches say it best. Which they are must not depend on what they say, or there may be no answer.
    let longest = sums.reduce(0) { max($0, $1.points) }
    let telling = sums.indices.filter {
      sums[$0].points - 1 > course + priorPoints && 4 * sums[$0].points >= longest
    }
    let points = telling.reduce(0) { $0 + sums[$1].points - 1 }
    func isTooLow(_ persistence: Double) -> Bool {
      let power = (1 + persistence) / (1 - persistence)
      let sizes = sizes(sums, course: course, persistence: persistence)
      let products = telling.reduce(0) { sum, index in
        let taken = sums[index].taken(by: course, power: power)
        return sizes[index].variance > 0 ? sum + sums[index].products / sizes[index].variance + taken : sum
      }
      return products > persistence * points
    }
    guard isTooLow(0) else { return 0 }
    var (low, high) = (0.0, strideOfPersistence)
    while high < mostPersistent, isTooLow(high) { (low, high) = (high, high + strideOfPersistence) }
    for _ in 0..<24 {
      let middle = (low + high) / 2
      if isTooLow(middle) { low = middle } else { high = middle }
    }
    return min(low, mostPersistent)
  }

  private static let mostPersistent = 0.995
  private static let strideOfPersistence = 0.005

  /// The sizes of stretches whose noise is autocorrelated so much.
  private static func sizes(
    _ sums: [Sum], course: Double, persistence: Double
  ) -> [(variance: Double, freedom: Double, inherited: Double)] {
    let power = (1 + persistence) / (1 - persistence)
    // Points that tell as much of the size as an independent one.
    let cost = (1 + persistence * persistence) / (1 - persistence * persistence)
    let prior = priorPoints * cost
    var behind: Double?
    return sums.map { each in
      guard let last = behind else {
        let own = max(each.points - each.taken(by: course, power: power), 1)
        behind = each.squares / own
        return (each.squares / own, own / cost, 0)
      }
      // A stretch of which the course may have taken all says nothing of its own.
      let own = max(each.points - course * power, 0)
      let variance = own > 0 ? (each.squares + prior * last) / (own + prior) : last
      behind = variance
      return (variance, own / cost, prior / (own + prior))
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
    var members: [String: JSON] = [
      "persistence": .number(persistence), "first_point": .wholes(stretches.map(\.firstPoint)),
      "deviation": .numbers(stretches.map(\.deviation)),
    ]
    if stretches.allSatisfy(\.freedom.isFinite) {
      members["freedom"] = .numbers(stretches.map(\.freedom))
      members["inherited"] = .numbers(stretches.map(\.inherited))
    }
    return .object(members)
  }

  init(json: JSON) throws(Failure) {
    persistence = try json.number("persistence")
    let points = try json.wholes("first_point")
    let deviations = try json.numbers("deviation")
    let isKnown = json["freedom"] == nil
    let freedoms = isKnown ? points.map { _ in .infinity } : try json.numbers("freedom")
    let inherited = isKnown ? points.map { _ in 0 } : try json.numbers("inherited")
    guard [deviations, freedoms, inherited].allSatisfy({ $0.count == points.count }),
      (0..<1).contains(persistence), (deviations + freedoms).allSatisfy({ $0 >= 0 }),
      inherited.allSatisfy((0...1).contains), points.allSatisfy(CurveOrigin.holds)
    else {
      throw Failure(.malformed, "this is no noise of a curve")
    }
    stretches = points.indices.map {
      Stretch(
        firstPoint: points[$0], deviation: deviations[$0], freedom: freedoms[$0], inherited: inherited[$0])
    }
  }
}
