internal import System

/// Whether a curve has a break: what each law makes of the windows of its run, in one scale, over the whole run and parts of it,
/// and what it predicts.
public struct BreakEvidence: Sendable, Hashable {
  /// What one law makes of the curve.
  public struct Law: Sendable, Hashable {
    public let name: String
    public let hasBreak: Bool
    public let parameters: Int
    /// Root mean square of what it leaves of log L, over the windows.
    public let rsle: Double
    /// How much worse than the best, as 2 log of the odds.
    public let behind: Double
    /// The exponents -d log L / d log t: in each stretch of a broken power law, else at the first and last windows.
    public let rates: [Double]
    /// The steps of its breaks, in order.
    public let breaks: [Double]
    /// Root mean square error of log L behind `Prediction.firstStep`, fitted to what is before it; nil if there is none.
    public let predictionError: Double?
    /// Of the law with a break that is told of where there is one; nil for any other, and if no resamples were asked for.
    public internal(set) var intervals: LawIntervals?
  }

  /// The same question about a part of the run.
  public struct Part: Sendable, Hashable {
    public let firstStep, lastStep: Int
    /// How much better than the best law without a break the best with one is.
    public let margin: Double
  }

  public struct Prediction: Sendable, Hashable {
    /// The first step that is predicted.
    public let firstStep: Int
    /// The law without a break that predicts the rest best, and how much better than the best law with one, in the unit of
    /// `Law.behind`: 2 log of the ratio of the probabilities that they gave it.
    public let rival: String
    public let advantage: Double
  }

  /// The best first.
  public internal(set) var laws: [Law]
  public let windows: Int
  /// The noise comes from the losses of single steps; else from what the best law leaves.
  public let isFromSteps: Bool
  /// Of the steps' noise; 0 if it is not known.
  public let persistence: Double
  /// Standard deviation of what the best law leaves besides the noise of the steps.
  public let discrepancy: Double
  /// How much better than the best law without a break the best with one is; negative if it is worse.
  public let margin: Double
  /// Without the start, and without the end.
  public let parts: [Part]
  public let prediction: Prediction?

  /// How far ahead a law has to be for another to be called wrong in at most 5 % of the cases where that is right, however much or
  /// little the two differ: at a distance of d^2 = 2 log of the odds in the mean, these scatter by 2 d, and are beyond c with
  /// Phi(-(c + d^2) / 2 d), at most Phi(-sqrt c). So it is the square of 1.645, the 95 % quantile of the normal distribution.
  public static let decisive = 2.705_543_454_095_465
  /// How far ahead a law without a break has to be in a part, or in predicting, to contradict the whole: odds of 19 to 1, so 95 %,
  /// where both were as likely before: 2 log 19.
  public static let contradicting = 5.888_877_957_332_881
  public var bestBroken: Law? { laws.first(where: \.hasBreak) }
  public var bestSmooth: Law? { laws.first { !$0.hasBreak } }

  /// A law with a break is better than every one without, whatever its shape, no part contradicts it, and none predicts better.
  public var supportsBreak: Bool {
    margin > BreakEvidence.decisive && contradiction == nil && betterPrediction == nil
  }

  /// Whether the run ends with the law behind the best law's fall, so that the second half can be predicted from the first. What comes
  /// after it else, as a cool-down, no law could have predicted.
  public var isPredictable: Bool { bestBroken?.fall?.isLast == true && prediction != nil }

  /// The part in which a law without a break is so far ahead that it contradicts the whole.
  ///
  /// A part knows less than the whole, so that the break need not be seen in it. Where the second half can be predicted, that is the
  /// question to the first: laws with a break hold simpler ones as special cases, and fall behind them by the price of their parameters
  /// in a half that does not show it, however well they foretell the rest.
  var contradiction: Part? { parts.first { canContradict($0) && $0.margin <= -BreakEvidence.contradicting } }

  /// Whether it is asked of a part that it does not contradict the whole.
  public func canContradict(_ part: Part) -> Bool {
    guard isPredictable, let prediction else { return true }
    return part.lastStep >= prediction.firstStep
  }

  /// The prediction of the second half, if a law without a break makes a better one.
  var betterPrediction: Prediction? {
    isPredictable ? prediction.flatMap { $0.advantage >= BreakEvidence.contradicting ? $0 : nil } : nil
  }
}

extension BreakEvidence {
  /// Fewer windows tell nothing.
  public static let fewest = 12

  /// - Parameters:
  ///   - all: the curve's windows.
  ///   - noise: of its steps; nil if only smoothed points are known.
  ///   - cut: steps up to this one are not looked at.
  ///   - later: a later cut, with which the break must still be there.
  ///   - resamples: for the intervals of the law with a break; 0 for none.
  /// - Returns: nil with too few windows.
  init?(
    _ all: [LossWindow], noise: StepNoise?, cut: Int, later: Int, resamples: Int = 0, seed: Int = 0
  ) throws {
    let windows = all.filter { $0.firstStep > cut }
    let n = windows.count
    guard n >= BreakEvidence.fewest else { return nil }
    let (x, y) = (windows.map(\.logStep), windows.map(\.logLoss))
    guard let common = try WindowNoise(windows, noise: noise), let whitening = common.whitening(0..<n) else {
      return nil
    }
    let fits = try LawFits(RivalSolver(x: x, y: y, whitening: whitening))
    guard let margin = fits.margin, let best = fits.best() else { return nil }
    self.windows = n
    self.margin = margin
    isFromSteps = noise != nil
    persistence = noise?.persistence ?? 0
    discrepancy = common.discrepancy

    func part(_ range: Range<Int>) throws -> LawFits? {
      guard range.count >= BreakEvidence.fewest, range.count < n, let whitening = common.whitening(range)
      else {
        return nil
      }
      let solver = RivalSolver(x: Array(x[range]), y: Array(y[range]), whitening: whitening)
      return try LawFits(solver, near: fits)
    }
    let start = windows.firstIndex { $0.firstStep > later } ?? n
    let middle = windows.firstIndex { $0.lastStep > windows[n - 1].lastStep / 2 } ?? n
    let firstHalf = try part(0..<middle)
    parts = [(try part(start..<n), start..<n), (firstHalf, 0..<middle)].compactMap { fits, range in
      guard let margin = fits?.margin else { return nil }
      return Part(
        firstStep: windows[range.lowerBound].firstStep, lastStep: windows[range.upperBound - 1].lastStep,
        margin: margin)
    }

    var predictions: [String: LawPrediction] = [:]
    for fit in firstHalf?.fits ?? [] {
      guard let known = firstHalf?.solver else { break }
      predictions[fit.rival.name] = LawPrediction(fit, known: known, x: x, y: y, whitening: whitening)
    }
    func bestScore(_ hasBreak: Bool) -> (name: String, score: Double)? {
      Rivals.all.filter { $0.hasBreak == hasBreak }
        .compactMap { rival in predictions[rival.name].map { (rival.name, $0.score) } }.min { $0.1 < $1.1 }
    }
    prediction =
      if let broken = bestScore(true), let smooth = bestScore(false) {
        Prediction(
          firstStep: windows[middle].firstStep, rival: smooth.name, advantage: broken.score - smooth.score)
      } else { nil }
    laws = fits.fits.compactMap { fit in
      fits.solver.curve(fit.rival, fit.searched).map {
        Law($0, fit, best: best.evidence, solver: fits.solver, prediction: predictions[fit.rival.name])
      }
    }.sorted { $0.behind < $1.behind }

    guard resamples > 0, let name = brokenLaw?.name, let index = laws.firstIndex(where: { $0.name == name }),
      let fit = fits.fits.first(where: { $0.rival.name == name })
    else { return }
    laws[index].intervals = try LawIntervals(
      fit, solver: fits.solver,
      noise: WindowNoise(drawnOver: windows, persistence: persistence, fit, fits.solver),
      resamples: resamples, seed: seed)
  }
}

extension BreakEvidence.Law {
  init(
    _ curve: RivalSolver.Curve, _ fit: LawFits.Fit, best: Double, solver: RivalSolver,
    prediction: LawPrediction?
  ) {
    name = fit.rival.name
    hasBreak = fit.rival.hasBreak
    parameters = fit.rival.parameters
    rsle = (Sums.dot(curve.residuals, curve.residuals) / Double(curve.residuals.count)).squareRoot()
    behind = fit.evidence - best
    rates = curve.rates(x: solver.x, y: solver.y)
    breaks = fit.rival.breaks(fit.searched).map(Elementary.exp)
    predictionError = prediction?.error
  }
}
