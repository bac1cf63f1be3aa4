public import JSON
internal import System

/// t_d, L_d and r_d of the losses themselves. A point of a smoothed curve is a mean over steps before it, so that what happens in the
/// losses shows later in it. How much later is seen from the fitted law: its losses, without noise, are smoothed as the curve's were
/// and fitted again, and what that moves is taken back (one step of indirect inference: Gouriéroux, Monfort and Renault, 1993).
public struct UnsmoothedLaw: Sendable, Hashable {
  /// Which smoothing was taken into account.
  public enum Modelled: String, Sendable, CaseIterable {
    /// None: the points are single losses, and the law is the fit.
    case nothing
    /// That of the curve's own preparation.
    case preparation
    /// The published moving average, since the points of a curve that others prepared look like it.
    case publishedSmoothing = "published-smoothing"
  }

  public let modelled: Modelled
  /// The base of the moving average; nil for none.
  public let smoothing: Double?
  public let breakStep, breakLoss, finalRate: Double
  /// The intervals of the fit, moved as it is. Nil if it has none.
  public let intervals: Intervals?

  public struct Intervals: Sendable, Hashable {
    public let breakStep, breakLoss, finalRate: BootstrapIntervals.Interval
  }
}

extension UnsmoothedLaw {
  /// - Parameters:
  ///   - solver: for the curve's points, with their log losses as target.
  ///   - fit: to them.
  /// - Returns: nil where the losses of the fitted law cannot be smoothed and fitted.
  init?(
    _ solver: inout BrokenPowerLawSolver, fit: BrokenPowerLawSolver.Solution, points: FittedPoints,
    smoothed: SmoothedLaw?, intervals: BootstrapIntervals?
  ) {
    let law = fit.oneBreak
    // By what smoothing moves t_d and L_d, as factors, and r_d.
    var (step, loss, rate) = (1.0, 1.0, 0.0)
    if let smoothed {
      let logLosses = smoothed.logLosses(of: law)
      guard logLosses.allSatisfy(\.isFinite) else { return nil }
      solver.setTarget(logLosses)
      defer { solver.setTarget(points.y) }
      guard let again = solver.solve(from: fit.breaks)?.oneBreak, again.isFinite else { return nil }
      step = again.breakStep / law.breakStep
      loss = again.breakLoss / law.breakLoss
      rate = again.finalRate - law.finalRate
    }
    modelled = smoothed?.modelled ?? .nothing
    smoothing = smoothed?.base
    breakStep = law.breakStep / step
    breakLoss = law.breakLoss / loss
    finalRate = law.finalRate - rate
    self.intervals = intervals.map {
      Intervals(
        breakStep: .init(lower: $0.breakStep.lower / step, upper: $0.breakStep.upper / step),
        breakLoss: .init(lower: $0.breakLoss.lower / loss, upper: $0.breakLoss.upper / loss),
        finalRate: .init(lower: $0.finalRate.lower - rate, upper: $0.finalRate.upper - rate))
    }
    guard [breakStep, breakLoss, finalRate].allSatisfy(\.isFinite) else { return nil }
  }
}

extension UnsmoothedLaw {
  public var json: JSON {
    [
      "modelled": .string(modelled.rawValue), "smoothing": .optional(smoothing), "t_d": .number(breakStep),
      "L_d": .number(breakLoss), "r_d": .number(finalRate),
      "intervals": intervals.map {
        ["t_d": $0.breakStep.json, "L_d": $0.breakLoss.json, "r_d": $0.finalRate.json]
      } ?? .null,
    ]
  }

  init(json: JSON) throws(Failure) {
    modelled = try json.choice("modelled", otherwise: "is no smoothing that a law was freed of")
    smoothing = try json.optionalNumber("smoothing")
    breakStep = try json.number("t_d")
    breakLoss = try json.number("L_d")
    finalRate = try json.number("r_d")
    if let ends = json["intervals"], !ends.isNull {
      intervals = Intervals(
        breakStep: try .init(json: ends, "t_d"), breakLoss: try .init(json: ends, "L_d"),
        finalRate: try .init(json: ends, "r_d"))
    } else {
      intervals = nil
    }
  }
}
