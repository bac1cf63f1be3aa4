internal import JSON
internal import System

/// The mean of the log losses of some consecutive points: what is known of a curve at one place. Windows of a curve do not
/// overlap.
public struct LossWindow: Sendable, Hashable {
  /// The first and last step in it.
  public let firstStep, lastStep: Int
  /// Which of the curve's points is its first, from 0, and how many it has.
  public let firstPoint, points: Int
  /// Means of log t and log L.
  public let logStep, logLoss: Double
  /// The standard deviation of the log loss of one of its points; 0 where that is not known.
  public let deviation: Double

  /// From the step before a window's first to its last: as wide as the windows of the published smoothing.
  static let ratio = 1.2

  /// The steps that a point of a curve is the mean of, if it is smoothed as published: from floor(t / 1.2) to t, both counted.
  ///
  /// The published points say so themselves: where floor(t / 1.2) does not grow from one step to the next, at t = 6 k + 1, nothing leaves
  /// the mean, and the points of 14M, 144M and 472M below step 100 fall by less than half of what they fall by at all other steps.
  static func smoothed(_ step: Int) -> ClosedRange<Int> {
    min(max(Int(Double(step) / ratio), 1), step)...step
  }
}

extension [LossWindow] {
  /// Windows from the last point back, each with the points behind its last step over `LossWindow.ratio`.
  init(steps: [Int], logLosses: [Double], deviation: (Int) -> Double) {
    var windows: [LossWindow] = []
    var end = steps.count
    while end > 0, steps[end - 1] > 0 {
      let limit = Double(steps[end - 1]) / LossWindow.ratio
      var first = end - 1
      while first > 0, steps[first - 1] > 0, Double(steps[first - 1]) > limit { first -= 1 }
      let count = Double(end - first)
      windows.append(
        LossWindow(
          firstStep: steps[first], lastStep: steps[end - 1], firstPoint: first, points: end - first,
          logStep: (first..<end).reduce(0) { $0 + Elementary.log(Double(steps[$1])) } / count,
          logLoss: (first..<end).reduce(0) { $0 + logLosses[$1] } / count,
          deviation: deviation((first + end) / 2)))
      end = first
    }
    self = windows.reversed()
  }

  /// Of a curve that is already smoothed: windows that are the mean of one of its points each.
  init(smoothed steps: [Int], logLosses: [Double], noise: StepNoise) {
    var windows: [LossWindow] = []
    var limit = Int.max
    for index in steps.indices.reversed() where steps[index] > 0 && steps[index] <= limit {
      let places = LossWindow.smoothed(steps[index])
      limit = places.lowerBound - 1
      let spread = SmoothedLaw.spread(from: Double(places.lowerBound), to: Double(places.upperBound))
      windows.append(
        LossWindow(
          firstStep: places.lowerBound, lastStep: steps[index], firstPoint: places.lowerBound,
          points: places.count, logStep: Sums.mean(spread.map(Elementary.log)), logLoss: logLosses[index],
          deviation: noise.deviation(at: places.lowerBound + places.count / 2)))
    }
    self = windows.reversed()
  }

  /// The covariance of the windows' noise, row by row, where that of the points is an AR(1) with this persistence.
  func covariance(persistence phi: Double) -> [Double] {
    var matrix = [Double](repeating: 0, count: count * count)
    func geometric(_ points: Int) -> Double {
      (1 - Elementary.power(phi, points)) / ((1 - phi) * Double(points))
    }
    for (i, a) in enumerated() {
      // (n + 2 sum_k (n - k) phi^k) / n^2
      let own = ((1 + phi) / (1 - phi) - 2 * phi * geometric(a.points) / (1 - phi)) / Double(a.points)
      matrix[i * count + i] = a.deviation * a.deviation * own
      for j in 0..<i {
        let b = self[j]
        let decay = Elementary.power(phi, a.firstPoint - (b.firstPoint + b.points - 1))
        let value = a.deviation * b.deviation * decay * geometric(a.points) * geometric(b.points)
        matrix[i * count + j] = value
        matrix[j * count + i] = value
      }
    }
    return matrix
  }
}

extension [LossWindow] {
  /// One list a member.
  var json: JSON {
    [
      "first_step": .wholes(map(\.firstStep)), "last_step": .wholes(map(\.lastStep)),
      "first_point": .wholes(map(\.firstPoint)), "points": .wholes(map(\.points)),
      "log_step": .numbers(map(\.logStep)), "log_loss": .numbers(map(\.logLoss)),
      "deviation": .numbers(map(\.deviation)),
    ]
  }

  init(json: JSON) throws(Failure) {
    let firstSteps = try json.wholes("first_step")
    let lastSteps = try json.wholes("last_step")
    let firstPoints = try json.wholes("first_point")
    let points = try json.wholes("points")
    let logSteps = try json.numbers("log_step")
    let logLosses = try json.numbers("log_loss")
    let deviations = try json.numbers("deviation")
    let counts = [lastSteps.count, firstPoints.count, points.count, logSteps.count, logLosses.count]
    guard counts.allSatisfy({ $0 == firstSteps.count }), deviations.count == firstSteps.count,
      firstSteps.count <= CurveOrigin.mostWindows
    else {
      throw Failure(.malformed, "the windows of the curve do not have one of each number")
    }
    let ends = firstPoints.indices.map { firstPoints[$0].addingReportingOverflow(points[$0]).partialValue }
    guard points.allSatisfy({ $0 > 0 }), deviations.allSatisfy({ $0 >= 0 }),
      (firstSteps + lastSteps + firstPoints + points + ends).allSatisfy(CurveOrigin.holds),
      zip(firstSteps, lastSteps).allSatisfy({ 0 < $0 && $0 <= $1 }),
      zip(lastSteps, firstSteps.dropFirst()).allSatisfy(<), zip(ends, firstPoints.dropFirst()).allSatisfy(<=),
      zip(logSteps, logSteps.dropFirst()).allSatisfy(<)
    else {
      throw Failure(.malformed, "the windows of the curve do not follow each other")
    }
    self = firstSteps.indices.map {
      LossWindow(
        firstStep: firstSteps[$0], lastStep: lastSteps[$0], firstPoint: firstPoints[$0], points: points[$0],
        logStep: logSteps[$0], logLoss: logLosses[$0], deviation: deviations[$0])
    }
  }
}
