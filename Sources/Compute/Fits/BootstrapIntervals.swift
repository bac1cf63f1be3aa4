public import JSON
internal import System

/// 95 % intervals by a parametric bootstrap through the whole preparation: the noise of the steps is drawn again, smoothed and
/// subsampled as the losses were, and added to the fitted curve, which is then fitted again. Noise keeps its autocorrelation and
/// its size along the run: see `PointNoise`.
public struct BootstrapIntervals: Sendable, Hashable {
  /// Below and above which another resample would lie 2.5 % of the time each, linearly interpolated between the ordered values.
  public struct Interval: Sendable, Hashable {
    public let lower: Double
    public let upper: Double

    public init(lower: Double, upper: Double) {
      self.lower = lower
      self.upper = upper
    }
  }

  /// Where the noise is taken from.
  public enum Source: String, Sendable, CaseIterable {
    /// The losses of single steps, from which the curve was prepared.
    case steps
    /// Differences between neighbouring points, which share most of their windows: of a curve smoothed by its authors, taken to
    /// be the published moving average.
    case differences
    /// What the one-break fit leaves, of points that were not smoothed.
    case residuals
  }

  public let resamples: Int
  /// Resamples whose fit failed or ended at a bound of the search. The latter are part of the intervals.
  public let failed: Int
  public let atBound: Int
  public let seed: Int
  public let source: Source
  /// The autocorrelation of the noise from one step, or point, to the next.
  public let persistence: Double
  /// The standard deviation of what the fit leaves of log L beyond that noise, drawn with it; 0 if that is not significant.
  public let discrepancy: Double
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
    guard ends[0].isFinite, ends[1].isFinite, ends[0] <= ends[1] else {
      throw Failure(
        .malformed, "the interval \"\(name)\" does not go from a number to one that is no smaller")
    }
    self.init(lower: ends[0], upper: ends[1])
  }

  /// - Parameter missing: resamples without a value, which are counted beyond either end. Where they are no more than 2.5 % of all, both
  ///   ends are among the values: see `SequenceBootstrap.determinesEnds`.
  init(_ values: [Double], missing: Int = 0) {
    let ordered = OrderedValues(values)
    let tail = max(0, 0.025 * Double(values.count + missing + 1) - Double(missing)) / Double(values.count + 1)
    self.init(lower: ordered.predicted(tail), upper: ordered.predicted(1 - tail))
  }
}

extension BootstrapIntervals {
  public var json: JSON {
    [
      "resamples": .whole(resamples), "failed": .whole(failed), "at_bound": .whole(atBound),
      "seed": .whole(seed), "noise": .string(source.rawValue), "persistence": .number(persistence),
      "discrepancy": .number(discrepancy), "b": b.json, "c0": c0.json, "c1": c1.json,
      "log_d1": logD1.json, "f1": f1.json, "t_d": breakStep.json, "L_d": breakLoss.json,
      "r_d": finalRate.json, "L_T_predicted": predictedLastLoss.json,
    ]
  }

  init(json: JSON) throws(Failure) {
    resamples = try json.whole("resamples")
    failed = try json.whole("failed")
    atBound = try json.whole("at_bound")
    seed = try json.whole("seed")
    source = try json.choice("noise", otherwise: "is nowhere that noise is taken from")
    persistence = try json.number("persistence")
    discrepancy = try json.number("discrepancy")
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
  /// Starts of a fit that leaves the range of the search from the optimum.
  private static let starts = 5

  /// - Returns: nil if fewer than half of the resamples could be fitted.
  init?(
    solver: inout BrokenPowerLawSolver, optimum: BrokenPowerLawSolver.Solution, points: FittedPoints,
    noise: (noise: PointNoise, source: Source), resamples: Int, seed: Int
  ) throws {
    let fitted = points.x.map(optimum.oneBreak.logLoss(atLog:))
    let random = Philox(seed: UInt64(bitPattern: Int64(seed)))
    let last = Double(points.steps[points.count - 1])
    let starts = solver.starts(BootstrapIntervals.starts)
    var curves: [OneBreak] = []
    var atBound = 0
    for resample in 0..<resamples {
      try Task.checkCancellation()
      var y = fitted
      noise.noise.add(to: &y, random, stream: Streams.residuals(resample))
      solver.setTarget(y)
      var best = solver.solve(from: optimum.breaks, tolerance: 1e-5)
      if best?.isAtBound(solver.positions) ?? true {
        let others =
          starts.compactMap { solver.solve(from: [$0], tolerance: 1e-5) } + [best].compactMap(\.self)
        best = others.min { $0.sse < $1.sse }
      }
      guard let best, best.oneBreak.isFinite, best.oneBreak.lateAsymptote(at: last).isFinite else { continue }
      if best.isAtBound(solver.positions) { atBound += 1 }
      curves.append(best.oneBreak)
    }
    solver.setTarget(points.y)
    guard curves.count * 2 > resamples else { return nil }
    self.resamples = resamples
    self.failed = resamples - curves.count
    self.atBound = atBound
    self.seed = seed
    source = noise.source
    persistence = noise.noise.persistence
    discrepancy = noise.noise.discrepancy
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
}

extension JSON {
  /// The ends of an interval, or nil for `null` or a member that is not there.
  func optionalInterval(_ name: String) throws(Failure) -> BootstrapIntervals.Interval? {
    guard let value = self[name], !value.isNull else { return nil }
    return try BootstrapIntervals.Interval(json: self, name)
  }
}
