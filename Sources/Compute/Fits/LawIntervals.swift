public import JSON
internal import System

/// 95 % intervals of the breaks and exponents of a law, by a parametric bootstrap of the windows that it is fitted to: their noise is
/// drawn again, with what the law leaves of them besides, and added to the law, which is then fitted again.
///
/// Windows are means of the losses themselves, so that no smoothing has to be gone through; where only smoothed points are known, they
/// are points that share no loss, at the mean of log t over the steps that they are means of. The size of the noise is taken as known.
public struct LawIntervals: Sendable, Hashable {
  public typealias Interval = BootstrapIntervals.Interval

  public let resamples: Int
  /// Resamples without such a law: a break stands at an end of the run, or two are no further apart than a window is wide.
  public let failed: Int
  /// In the order of the law's; empty if so many resamples failed that ends are not known.
  public let breaks, rates: [Interval]

  /// Nil where it is not known.
  public func ofBreak(_ index: Int) -> Interval? { index < breaks.count ? breaks[index] : nil }
  public func ofRate(_ index: Int) -> Interval? { index < rates.count ? rates[index] : nil }

  /// Why there are none, as half a sentence; nil if there are.
  public var obstacle: String? {
    breaks.isEmpty ? "in \(failed) of \(resamples) resamples the law has no such breaks" : nil
  }
}

extension LawIntervals {
  /// Another optimum may be the best of a resample if its chi squared is no further behind.
  private static let reach = 20.0

  /// - Parameters:
  ///   - fit: the law, as `solver` found it.
  ///   - noise: of the windows.
  /// - Returns: nil if there is nothing to draw.
  init?(_ fit: LawFits.Fit, solver: RivalSolver, noise: WindowNoise?, resamples: Int, seed: Int) throws {
    let rival = fit.rival
    guard let law = solver.curve(rival, fit.searched), let noise, let factor = Cholesky(noise.rows) else {
      return nil
    }
    let fitted = zip(solver.y, law.residuals).map { $0 - $1 }
    let starts = fit.starts(within: Self.reach)
    let random = Philox(seed: UInt64(bitPattern: Int64(seed)))
    var found: [(breaks: [Double], rates: [Double])] = []
    for resample in 0..<resamples {
      try Task.checkCancellation()
      let draws = fitted.indices.map {
        random.normals(stream: Streams.windows(resample), index: UInt64($0)).0
      }
      let y = zip(fitted, factor.coloured(draws)).map { $0 + $1 }
      let again = RivalSolver(x: solver.x, y: y, whitening: solver.whitening)
      let optima = starts.map { again.search(rival, $0) }
      guard let best = optima.min(by: { $0.chiSquared < $1.chiSquared }),
        let curve = again.curve(rival, best.searched)
      else { continue }
      let breaks = rival.breaks(best.searched)
      let rates = curve.rates(x: again.x, y: y)
      if Self.areApart(breaks, in: again.range), rates.allSatisfy(\.isFinite) {
        found.append((breaks, rates))
      }
    }
    self.resamples = resamples
    let failed = resamples - found.count
    self.failed = failed
    guard SequenceBootstrap(resamples: resamples, seed: seed).determinesEnds(missing: failed) else {
      (breaks, rates) = ([], [])
      return
    }
    breaks = rival.breaks(fit.searched).indices.map { k in
      Interval(found.map { Elementary.exp($0.breaks[k]) }, missing: failed)
    }
    rates = law.rates(x: solver.x, y: solver.y).indices.map { k in
      Interval(found.map { $0.rates[k] }, missing: failed)
    }
  }

  private static func areApart(_ breaks: [Double], in range: ClosedRange<Double>) -> Bool {
    let window = Elementary.log(LossWindow.ratio)
    return breaks.allSatisfy { range.lowerBound < $0 && $0 < range.upperBound }
      && zip(breaks, breaks.dropFirst()).allSatisfy { $1 - $0 > window }
  }
}

extension LawFits.Fit {
  /// Its optimum, and others with other breaks that are no further behind it in chi squared.
  fileprivate func starts(within reach: Double) -> [[Double]] {
    var starts: [[Double]] = []
    for optimum in optima where optimum.chiSquared <= optima[0].chiSquared + reach {
      let breaks = rival.breaks(optimum.searched)
      let isKnown = starts.contains { start in
        zip(breaks, rival.breaks(start)).allSatisfy { ($0 - $1).magnitude < 0.05 }
      }
      if !isKnown { starts.append(optimum.searched) }
    }
    return starts
  }
}

extension LawIntervals {
  public var json: JSON {
    [
      "resamples": .whole(resamples), "failed": .whole(failed), "breaks": .array(breaks.map(\.json)),
      "rates": .array(rates.map(\.json)),
    ]
  }

  /// - Parameters:
  ///   - breaks, rates: how many the law has.
  init(json: JSON, breaks: Int, rates: Int) throws(Failure) {
    func intervals(_ name: String, _ count: Int) throws(Failure) -> [Interval] {
      let members = try json.list(name)
      var intervals: [Interval] = []
      for member in members { intervals.append(try Interval(json: [name: member], name)) }
      guard intervals.isEmpty || intervals.count == count else {
        throw Failure(.malformed, "a law with \(count) of its \(name) has intervals of \(intervals.count)")
      }
      return intervals
    }
    resamples = try json.whole("resamples")
    failed = try json.whole("failed")
    self.breaks = try intervals("breaks", breaks)
    self.rates = try intervals("rates", rates)
    guard resamples >= 0, (0...resamples).contains(failed), self.breaks.isEmpty == self.rates.isEmpty else {
      throw Failure(
        .malformed,
        "intervals of a law are of all its breaks and exponents, and no more resamples failed than there are")
    }
  }
}
