public import JSON
public import System

/// All that is said of one curve: the fit, how sure it is, what else would fit, and what to make of it.
public struct CurveAnalysis: Sendable, Hashable {
  public let curve: PreparedCurve
  public let options: Options
  public let fit: OneBreakFit
  /// Nil if no resamples were asked for, or most of them could not be fitted.
  public let intervals: BootstrapIntervals?
  /// Nil where the fitted law's own losses cannot be smoothed and fitted.
  public let unsmoothed: UnsmoothedLaw?
  /// In the order of the cuts; cuts that leave too few points are left out.
  public let sensitivity: [CutSensitivity]
  public let powerLaw: PowerLawFit
  /// Nil where there are too few points to tell laws apart.
  public let evidence: BreakEvidence?
  public let verdict: Verdict
  /// Why, and what else a reader should know; sentences, the one that decided first.
  public let reasons: [String]

  public struct Options: Sendable, Hashable {
    /// What `skip` and `warmup` may be.
    public static let steps = 0...1 << 31

    /// Points at steps up to this one are the transient, and are not fitted.
    public var skip: Int
    /// Steps of learning-rate warm-up, where known.
    public var warmup: Int?
    /// Resamples of the bootstrap; 0 for none.
    public var resamples: Int
    public var seed: Int
    /// Starts of the search.
    public var starts: Int
    /// Cuts for the sensitivity rows; nil for about a third of `skip`, `skip`, and three times it.
    public var cuts: [Int]?

    public init(
      skip: Int = 100, warmup: Int? = nil, resamples: Int = 500, seed: Int = 0, starts: Int = 60,
      cuts: [Int]? = nil
    ) {
      self.skip = skip
      self.warmup = warmup
      self.resamples = resamples
      self.seed = seed
      self.starts = starts
      self.cuts = cuts
    }

    var effectiveCuts: [Int] {
      cuts ?? (skip > 0 ? [skip * 3 / 10, skip, laterCut] : [0, 30, 100])
    }

    /// Half a decade later, from the tenth step at least: with it the verdict must be the same.
    var laterCut: Int { 3 * max(skip, 10) }
  }
}

extension CurveAnalysis {
  /// Prepares a curve and analyses it.
  ///
  /// - Parameter progress: called now and then with the done fraction, 0...1, and what is being done.
  /// - Throws: `Failure.unusable` where the fit is not defined; `CancellationError`.
  public static func run(
    _ curve: Curve, preparation: Preparation = Preparation(), options: Options = Options(),
    progress: (Double, String) -> Void = { _, _ in }
  ) throws -> CurveAnalysis {
    try run(try preparation(curve), options: options, progress: progress)
  }

  public static func run(
    _ curve: PreparedCurve, options: Options = Options(),
    progress: (Double, String) -> Void = { _, _ in }
  ) throws -> CurveAnalysis {
    var options = options
    options.cuts = options.effectiveCuts
    let points = try FittedPoints(curve, skip: options.skip)
    progress(0, "fitting one break")
    var solver = BrokenPowerLawSolver(x: points.x, y: points.y, breaks: 1)
    guard let (best, reached) = try solver.bestOfStarts(options.starts) else {
      throw Failure(
        .unusable,
        "no one-break power law can be fitted to run '\(curve.run)': its points do not tell two slopes apart")
    }
    let oneBreak = best.oneBreak
    let line = solver.powerLaw
    guard oneBreak.isFinite, Elementary.exp(line.intercept).isFinite, line.intercept > -700,
      oneBreak.lateAsymptote(at: Double(points.steps[points.count - 1])).isFinite
    else {
      throw Failure(
        .unusable, "the fit to run '\(curve.run)' leads beyond the range of numbers",
        hint: "look at the points: these losses are hardly those of a training run")
    }
    let fit = OneBreakFit(
      curve: oneBreak, quality: FitQuality(parameters: 5, points: points.count, sse: best.sse),
      firstStep: points.steps[0], lastStep: points.steps[points.count - 1], starts: options.starts,
      startsAtOptimum: reached, isAtBound: best.isAtBound(solver.positions),
      lastLoss: curve.losses[curve.losses.count - 1])
    progress(0.2, "bootstrap")
    let noise = try curve.smoothedNoise(points)
    let intervals =
      options.resamples > 0
      ? try BootstrapIntervals(
        solver: &solver, optimum: best, points: points,
        noise: PointNoise.of(curve, points: points, smoothed: noise, law: best, cut: options.skip),
        resamples: options.resamples, seed: options.seed) : nil
    let smoothed = SmoothedLaw(curve, points: points)
    let unsmoothed = UnsmoothedLaw(
      &solver, fit: best, points: points, smoothed: smoothed, intervals: intervals)
    progress(0.6, "comparing")
    let powerLaw = PowerLawFit(
      b: Elementary.exp(line.intercept), c0: line.c0,
      quality: FitQuality(parameters: 2, points: points.count, sse: line.sse))
    let evidence = try BreakEvidence(
      curve.windows(smoothedNoise: noise), noise: curve.origin?.noise, cut: options.skip,
      later: options.laterCut,
      resamples: options.resamples, seed: options.seed)
    let sensitivity = try CutSensitivity.rows(curve, options)
    let judgement = Judgement(
      fit: fit, evidence: evidence, intervals: intervals, sensitivity: sensitivity, smoothed: smoothed,
      unsmoothed: unsmoothed, options: options)
    progress(1, "done")
    return CurveAnalysis(
      curve: curve, options: options, fit: fit, intervals: intervals, unsmoothed: unsmoothed,
      sensitivity: sensitivity, powerLaw: powerLaw, evidence: evidence, verdict: judgement.verdict,
      reasons: judgement.reasons)
  }
}

extension CutSensitivity {
  static func rows(_ curve: PreparedCurve, _ options: CurveAnalysis.Options) throws -> [CutSensitivity] {
    var rows: [CutSensitivity] = []
    for cut in options.effectiveCuts {
      guard let points = try? FittedPoints(curve, skip: cut) else { continue }
      var solver = BrokenPowerLawSolver(x: points.x, y: points.y, breaks: 1)
      guard let (best, _) = try solver.bestOfStarts(options.starts), best.oneBreak.isFinite else { continue }
      rows.append(
        CutSensitivity(
          skip: cut, points: points.count, curve: best.oneBreak,
          rsle: (best.sse / Double(points.count)).squareRoot()))
    }
    return rows
  }
}

extension CurveAnalysis {
  /// What `brake fit --json` prints: everything but the points.
  public var summary: JSON {
    var members = fit.members
    members["run"] = .string(curve.run)
    members["verdict"] = .string(verdict.rawValue)
    members["reasons"] = .texts(reasons)
    members["intervals"] = intervals?.json ?? .null
    members["unsmoothed"] = unsmoothed?.json ?? .null
    members["sensitivity"] = .array(sensitivity.map(\.json))
    members["power_law"] = powerLaw.json
    members["evidence"] = evidence?.json ?? .null
    members["options"] = options.json
    members["notes"] = .array(curve.notes.map(\.json))
    return .object(members)
  }

  /// The summary and the points, under "curve".
  public var json: JSON {
    var members = summary.object ?? [:]
    members["curve"] = curve.json
    return .object(members)
  }

  public init(json: JSON) throws(Failure) {
    curve = try PreparedCurve(json: try json.member("curve"))
    options = try Options(json: try json.member("options"))
    fit = try OneBreakFit(json: json)
    intervals =
      switch json["intervals"] {
      case .none, .some(.null): nil
      case .some(let value): try BootstrapIntervals(json: value)
      }
    unsmoothed =
      switch json["unsmoothed"] {
      case .none, .some(.null): nil
      case .some(let value): try UnsmoothedLaw(json: value)
      }
    var rows: [CutSensitivity] = []
    for row in try json.list("sensitivity") { rows.append(try CutSensitivity(json: row)) }
    sensitivity = rows
    powerLaw = try PowerLawFit(json: try json.member("power_law"))
    evidence =
      switch json["evidence"] {
      case .none, .some(.null): nil
      case .some(let value): try BreakEvidence(json: value)
      }
    verdict = try json.choice("verdict", otherwise: "is no verdict")
    reasons = try json.texts("reasons")
  }
}

extension CurveAnalysis.Options {
  public var json: JSON {
    [
      "skip": .whole(skip), "warmup": .optional(warmup), "bootstrap": .whole(resamples), "seed": .whole(seed),
      "starts": .whole(starts), "cuts": .wholes(effectiveCuts),
    ]
  }

  init(json: JSON) throws(Failure) {
    self.init(
      skip: try json.whole("skip"), warmup: try json.optionalWhole("warmup"),
      resamples: try json.whole("bootstrap"), seed: try json.whole("seed"), starts: try json.whole("starts"),
      cuts: try json.wholes("cuts"))
    guard Self.steps.contains(skip), warmup.map(Self.steps.contains) ?? true else {
      throw Failure(
        .malformed,
        "the steps that the fit leaves out, or its warm-up, are not from 0 to \(Self.steps.upperBound)")
    }
  }
}
