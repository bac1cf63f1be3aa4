public import JSON
internal import System

/// 95 % intervals by the moving-block bootstrap (Künsch, 1989): whole blocks of consecutive residuals of log L are drawn
/// with replacement and added to the fitted curve, which is then fitted again from the optimum. Blocks keep the
/// autocorrelation of smoothed points, which standard errors ignore.
public struct BootstrapIntervals: Sendable, Hashable {
  /// The 2.5 % and 97.5 % percentiles, linearly interpolated between the ordered values.
  public struct Interval: Sendable, Hashable {
    public let lower: Double
    public let upper: Double

    public init(lower: Double, upper: Double) {
      self.lower = lower
      self.upper = upper
    }
  }

  public let resamples: Int
  /// Resamples whose fit failed or ended at a bound of the search. The latter are part of the intervals.
  public let failed: Int
  public let atBound: Int
  /// Points a block.
  public let blockLength: Int
  public let seed: Int
  /// Integrated autocorrelation time of the residuals, in points.
  public let autocorrelationTime: Double
  public let b, c0, c1, logD1, f1: Interval
  public let breakStep, breakLoss, finalRate, predictedLastLoss: Interval
}

extension BootstrapIntervals.Interval {
  public var json: JSON { .numbers([lower, upper]) }

  init(json: JSON, _ name: String) throws(Failure) {
    let ends = try json.numbers(name)
    guard ends.count == 2 else {
      throw Failure(.malformed, "the interval \"\(name)\" has \(ends.count) ends")
    }
    self.init(lower: ends[0], upper: ends[1])
  }

  init(_ values: [Double]) {
    let ordered = OrderedValues(values)
    self.init(lower: ordered.percentile(0.025), upper: ordered.percentile(0.975))
  }
}

extension BootstrapIntervals {
  public var json: JSON {
    [
      "resamples": .whole(resamples), "failed": .whole(failed), "at_bound": .whole(atBound),
      "block_length": .whole(blockLength), "seed": .whole(seed),
      "autocorrelation_time": .number(autocorrelationTime), "b": b.json, "c0": c0.json, "c1": c1.json,
      "log_d1": logD1.json, "f1": f1.json, "t_d": breakStep.json, "L_d": breakLoss.json,
      "r_d": finalRate.json, "L_T_predicted": predictedLastLoss.json,
    ]
  }

  init(json: JSON) throws(Failure) {
    resamples = try json.whole("resamples")
    failed = try json.whole("failed")
    atBound = try json.whole("at_bound")
    blockLength = try json.whole("block_length")
    seed = try json.whole("seed")
    autocorrelationTime = try json.number("autocorrelation_time")
    b = try Interval(json: json, "b")
    c0 = try Interval(json: json, "c0")
    c1 = try Interval(json: json, "c1")
    logD1 = try Interval(json: json, "log_d1")
    f1 = try Interval(json: json, "f1")
    breakStep = try Interval(json: json, "t_d")
    breakLoss = try Interval(json: json, "L_d")
    finalRate = try Interval(json: json, "r_d")
    predictedLastLoss = try Interval(json: json, "L_T_predicted")
  }
}

extension BootstrapIntervals {
  /// - Returns: nil if fewer than half of the resamples could be fitted.
  init?(
    solver: inout BrokenPowerLawSolver, optimum: BrokenPowerLawSolver.Solution, points: FittedPoints,
    autocorrelationTime: Double, resamples: Int, seed: Int
  ) throws {
    let fitted = points.x.map(optimum.oneBreak.logLoss(atLog:))
    let residuals = zip(points.y, fitted).map { $0 - $1 }
    let centre = Sums.mean(residuals)
    let length = BootstrapIntervals.blockLength(autocorrelationTime, points: points.count)
    let random = Philox(seed: UInt64(bitPattern: Int64(seed)))
    let last = Double(points.steps[points.count - 1])
    var curves: [OneBreak] = []
    var atBound = 0
    for resample in 0..<resamples {
      try Task.checkCancellation()
      var y = fitted
      var block = 0
      while block * length < y.count {
        let start = random.number(
          below: residuals.count - length + 1, stream: Streams.residuals(resample),
          index: UInt64(block))
        for offset in 0..<min(length, y.count - block * length) {
          y[block * length + offset] += residuals[start + offset] - centre
        }
        block += 1
      }
      solver.setTarget(y)
      guard let solution = solver.solve(from: optimum.breaks, tolerance: 1e-6), solution.oneBreak.isFinite,
        solution.oneBreak.lateAsymptote(at: last).isFinite
      else { continue }
      if solution.isAtBound(solver.positions) { atBound += 1 }
      curves.append(solution.oneBreak)
    }
    solver.setTarget(points.y)
    guard curves.count * 2 > resamples else { return nil }
    self.resamples = resamples
    self.failed = resamples - curves.count
    self.atBound = atBound
    self.blockLength = length
    self.seed = seed
    self.autocorrelationTime = autocorrelationTime
    b = Interval(curves.map(\.b))
    c0 = Interval(curves.map(\.c0))
    c1 = Interval(curves.map(\.c1))
    logD1 = Interval(curves.map(\.logD1))
    f1 = Interval(curves.map(\.f1))
    breakStep = Interval(curves.map(\.breakStep))
    breakLoss = Interval(curves.map(\.breakLoss))
    finalRate = Interval(curves.map(\.finalRate))
    predictedLastLoss = Interval(curves.map { $0.lateAsymptote(at: last) })
  }

  /// Twice the autocorrelation time, at least n^(1/3) (the rate of Künsch), at most a quarter of the points.
  static func blockLength(_ autocorrelationTime: Double, points: Int) -> Int {
    let rate = Elementary.exp(Elementary.log(Double(points)) / 3)
    return max(1, min(Int(max(2 * autocorrelationTime, rate).rounded(.up)), points / 4))
  }
}

/// The integrated autocorrelation time 1 + 2 (rho_1 + rho_2 + ...) of a series, in points; the sum ends before the first
/// rho that is not positive. At least 1.
func autocorrelationTime(_ series: [Double]) -> Double {
  let mean = Sums.mean(series)
  let centred = series.map { $0 - mean }
  let variance = Sums.dot(centred, centred)
  guard variance > 0 else { return 1 }
  var time = 1.0
  centred.withUnsafeBufferPointer { c in
    for lag in 1..<max(2, min(c.count / 2, 10_000)) {
      let rho = Sums.lanes(c.count - lag) { c[$0] * c[$0 + lag] } / variance
      if rho <= 0 { break }
      time += 2 * rho
    }
  }
  return min(time, Double(series.count) / 4)
}

extension JSON {
  /// The ends of an interval, or nil for `null` or a member that is not there.
  func optionalInterval(_ name: String) throws(Failure) -> BootstrapIntervals.Interval? {
    guard let value = self[name], !value.isNull else { return nil }
    return try BootstrapIntervals.Interval(json: self, name)
  }
}
