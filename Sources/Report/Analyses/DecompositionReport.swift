internal import Actions
internal import Artefacts
internal import Compute

/// What decelerations are made of.
enum DecompositionReport: ReportedAnalysis {
  typealias Result = RateDecomposition

  static let input = InputDeclaration(
    "decompositions", .many, help: "decelerations split into factors, one each run: what zsl.decompose gives")
  static let figures = [
    ReportedFigure("decomposition", help: "how much of the deceleration each of M and D accounts for") {
      $0.decomposition
    }
  ]

  static let replicated = [
    ReplicatedQuantity("share of 1 − <i>D</i> in the fall of progress", name: "share_D") { run, results in
      guard let (found, digest) = results.decompositions.first(where: { $0.result.run == run.name }),
        let split = found.split, let shares = split.change.shares
      else { return nil }
      // Also of a training that is not found to slow down by itself: a mean over seeds of those that are would be too large. An
      // interval of a share would say that there is something to share.
      let interval = split.foundShares == nil ? nil : split.destructiveShareInterval
      return .init(value: shares.constructive, interval: interval, digest: digest)
    }
  ]

  static func text(on page: Page, _ results: AnalysisResults) -> Markup { page.findings(results) }
}

extension RateDecomposition: ReportedResult {
  /// It is of all steps.
  var step: Int { 0 }
}

extension AnalysisResults {
  var decompositions: [(result: RateDecomposition, digest: Digest)] { self[DecompositionReport.self] }

  func decomposition(of run: ReportedRun) -> RateDecomposition? {
    decompositions.first { $0.result.run == run.name }?.result
  }

  /// What is known of the mean of D over pairs of checkpoints: from the mean of the lower ends of their 95 % intervals to that
  /// of the upper ones, which is wide enough however their errors go together. Nil where a D has no interval of its own.
  fileprivate func meanDestructive(
    of run: ReportedRun, _ pairs: [RateDecomposition.Pair]
  ) -> BootstrapIntervals.Interval? {
    let losses = losses(of: run)
    let known = pairs.filter { $0.destructive != nil }
    let intervals = known.compactMap { pair in
      losses.first { found in
        guard let one = found.destructive, let other = pair.destructive else { return false }
        return (found.from, found.to) == (pair.from, pair.to) && abs(one - other) < 1e-9
      }?.destructiveInterval
    }
    guard !known.isEmpty, intervals.count == known.count else { return nil }
    let count = Double(intervals.count)
    return BootstrapIntervals.Interval(
      lower: intervals.map(\.lower).reduce(0, +) / count, upper: intervals.map(\.upper).reduce(0, +) / count)
  }
}

extension AnalysisFigures {
  /// log(-dL) = log M + log(1 - D), a panel each run.
  var decomposition: Figure {
    let split = runs.compactMap { run in results.decomposition(of: run).map { (run, $0) } }
    let panels = split.map { run, decomposition in
      let pairs = decomposition.pairs.compactMap { pair in
        pair.factors.map { (Double(pair.from), $0) }
      }
      func trace(_ name: String, _ colour: Colour, _ value: (RateDecomposition.Factors) -> Double) -> Trace {
        Trace(name: name, colour: colour, points: pairs.map { Trace.Point(step: $0.0, value: value($0.1)) })
      }
      return TracePanel(
        heading: run.label, subheading: Self.shares(decomposition), label: "natural logarithm",
        traces: [
          trace("log(−ΔL)", Theme.ink, \.rate), trace("log M", Theme.factors.0, \.magnitude),
          trace("log(1 − D)", Theme.factors.1, \.constructive),
        ], marks: decomposition.breakStep.map { [($0, Theme.muted)] } ?? [])
    }
    return .traces(
      panels,
      title: !split.isEmpty && split.allSatisfy { $0.1.isChosen }
        ? "What the fall of progress is made of" : "What the deceleration is made of",
      caption:
        "The logarithm of the progress −ΔL between two checkpoints is the sum of those of M and of 1 − D; pairs whose loss rises have "
        + "none. The shares compare the pairs nearest to the deceleration step, or to a step that was chosen (dotted), on each side of it, without those "
        + "that begin in the warm-up and the one that spans it; in brackets, the 95 % interval over sequences and, where the fit "
        + "has an interval of it, the deceleration step, for this training.",
      findings: split.map { "\($0.0.label): \(Self.shares($0.1) ?? "no split")." }.joined(separator: " "),
      columns: panels.count == 4 ? 2 : 3, width: width)
  }

  private static func shares(_ decomposition: RateDecomposition) -> String? {
    guard let split = decomposition.split else { return nil }
    guard let shares = split.foundShares else { return "the progress is not found to shrink" }
    let range =
      split.destructiveShareInterval.map { " [\(percent($0.lower)), \(percent($0.upper))]" } ?? ""
    return "D: \(percent(shares.constructive)) %\(range), M: \(percent(shares.magnitude)) %"
  }

  private static func percent(_ share: Double) -> String { Format.fixed(100 * share, 0) }
}

extension Page {
  fileprivate func findings(_ results: AnalysisResults) -> Markup {
    let items =
      runs.compactMap { run in finding(run, results) }
      + SeedGroup.groups(of: runs).compactMap { group in finding(group, results) }
    return items.isEmpty ? "" : "\n<ul>\n\(items.joined(separator: "\n"))\n</ul>"
  }

  /// What holds of the model, and not only of one training of it.
  private func finding(_ group: SeedGroup, _ results: AnalysisResults) -> Markup? {
    guard
      let rates = group.spread({ results.decomposition(of: $0)?.split?.change.rate }),
      let rate = rates.meanInterval
    else { return nil }
    guard rate.upperBound < 0 else {
      return """
        <li><strong>\(group.label)</strong>, over \(rates.values.count) seeds\(places(group, results)): the progress is not found to shrink \
        (95 % interval of the mean change of its logarithm: \(Page.range(rate, like: rates))).</li>
        """
    }
    guard
      let spread = group.spread({
        results.decomposition(of: $0)?.split?.change.shares.map { 100 * $0.constructive }
      }), let mean = spread.meanInterval
    else { return nil }
    let others = group.runs.count - spread.values.count
    let left: Markup =
      others == 0
      ? ""
      : """
       Of \(others) more of its \(group.runs.count) seeds there is no such part, as progress does not shrink there or cannot \
      be compared.
      """
    return """
      <li><strong>\(group.label)</strong>, over \(spread.values.count) seeds\(places(group, results)): the part of 1 − <i>D</i> is \
      \(Format.value(spread.mean, error: spread.deviation)) % (mean ± deviation): \
      \(DecompositionReport.larger(mean.lowerBound / 100, mean.upperBound / 100)) \
      (95 % interval of the mean: \(Page.range(mean, like: spread)) %; of another seed: \
      \(Page.range(spread.nextInterval, like: spread)) %).\(left)</li>
      """
  }

  /// At what the seeds are compared, where that is not the deceleration of each.
  private func places(_ group: SeedGroup, _ results: AnalysisResults) -> String {
    let found = group.runs.compactMap { results.decomposition(of: $0) }.filter { $0.split != nil }
    let chosen = found.filter(\.isChosen)
    if chosen.isEmpty { return "" }
    let steps = Set(chosen.compactMap(\.breakStep)).sorted().map(Format.whole).joined(separator: " or ")
    return chosen.count == found.count
      ? ", at the chosen step \(steps)"
      : ", \(found.count - chosen.count) of which at the deceleration and \(chosen.count) at the chosen step \(steps)"
  }

  private func finding(_ run: ReportedRun, _ results: AnalysisResults) -> Markup? {
    guard let (decomposition, digest) = results.decompositions.first(where: { $0.result.run == run.name })
    else {
      return nil
    }
    guard let split = decomposition.split else {
      let reason =
        decomposition.breakStep == nil
        ? "the loss is not found to decelerate, so there is no before and after to compare"
        : "there are no pairs of checkpoints on both sides of the deceleration step, behind the warm-up, over which the loss falls"
      return "<li><strong>\(run.label)</strong>: \(reason) (\(Page.reference(digest))).</li>"
    }
    func number(_ value: Double, _ digits: Int = 2) -> Markup {
      Page.number(Format.significant(value, digits), value, from: digest)
    }
    func pairs(_ steps: [Int]) -> [RateDecomposition.Pair] {
      decomposition.pairs.filter { steps.contains($0.from) }
    }
    func mean(_ steps: [Int], _ value: (RateDecomposition.Pair) -> Double?) -> Double {
      let values = pairs(steps).compactMap(value)
      return values.reduce(0, +) / Double(max(1, values.count))
    }
    let isStepDrawn = !decomposition.isChosen && run.analysis.intervals != nil
    let (before, after) = (mean(split.before, \.destructive), mean(split.after, \.destructive))
    let verb = Self.change(
      results.meanDestructive(of: run, pairs(split.before)),
      results.meanDestructive(of: run, pairs(split.after)))
    return """
      <li><strong>\(run.label)</strong>. \(place(decomposition)) <i>D</i> \(verb): before it \
      (\(steps(split.before))) the mean is \(number(before)), after it (\(steps(split.after))) \(number(after)). \
      <i>M</i> goes from \(number(mean(split.before, \.magnitude))) to \(number(mean(split.after, \.magnitude))) \
      nats per token. \(shares(split, isStepDrawn: isStepDrawn, digest))</li>
      """
  }

  /// What a mean does, as far as the intervals of that mean before and after tell.
  private static func change(
    _ before: BootstrapIntervals.Interval?, _ after: BootstrapIntervals.Interval?
  ) -> String {
    guard let before, let after else {
      return "is not tested for a change, for want of 95 % intervals, \(DecompositionReport.need)"
    }
    if after.lower > before.upper { return "rises" }
    return after.upper < before.lower ? "falls" : "does not change by more than its 95 % intervals"
  }

  /// At what the pairs are compared.
  private func place(_ decomposition: RateDecomposition) -> Markup {
    guard decomposition.isChosen, let step = decomposition.breakStep else { return "At the deceleration" }
    return "The loss is not found to decelerate; at the chosen step \(Format.whole(step))"
  }

  private func steps(_ steps: [Int]) -> Markup {
    "<i>t</i> = \(steps.map { Format.grouped($0) }.joined(separator: ", "))"
  }

  /// How much of the deceleration is due to cancellation.
  /// - Parameter isStepDrawn: whether the interval is also over where the deceleration is.
  private func shares(
    _ split: RateDecomposition.Split, isStepDrawn: Bool, _ digest: Digest
  ) -> Markup {
    let factor = split.progressRatio
    let progress: Markup = "The progress −Δ<i>L</i> of a pair of checkpoints"
    guard let (magnitude, constructive) = split.foundShares else {
      if split.change.rate < 0 {
        let reason =
          split.rateInterval == nil
          ? "is not tested for a change, for want of a 95 % interval, \(DecompositionReport.need)"
          : "is not found to shrink"
        return """
          \(progress) \(reason): it changes by a factor of \
          \(Page.number(Format.significant(factor, 2), factor, from: digest)) (\(Page.reference(digest))).
          """
      }
      return """
        \(progress) does not shrink: it changes by a factor of \
        \(Page.number(Format.significant(factor, 2), factor, from: digest)), so there is nothing to account for.
        """
    }
    func percent(_ share: Double) -> Markup {
      Page.number("\(Format.fixed(100 * share, 0)) %", share, from: digest)
    }
    let range: Markup =
      split.destructiveShareInterval.map {
        " (95 %, over sequences\(isStepDrawn ? " and the step" : ""), of this training: \(percent($0.lower)) to \(percent($0.upper)))"
      } ?? ""
    let windows = split.destructiveSharesByWindow
    let known = windows.compactMap(\.self)
    let moving: Markup =
      if known.count > 1, let least = known.min(), let most = known.max() {
        """
         With 1 to \(windows.count) pairs on each side it is between \(percent(least)) and \(percent(most))\
        \(known.count < windows.count ? ", where the progress shrinks" : "").
        """
      } else {
        ""
      }
    let across: Markup =
      split.across.map {
        " The pair from <i>t</i> = \(Format.grouped($0)) spans that step and is on neither side."
      } ?? ""
    return """
      \(progress) shrinks to \(Page.number(Format.significant(factor, 2), factor, from: digest)) of what \
      it was; of that, on a logarithmic scale, \(percent(constructive))\(range) come from 1 − <i>D</i> and \
      \(percent(magnitude)) from <i>M</i> (\(Page.reference(digest))).\(moving)\(across)
      """
  }
}

extension DecompositionReport {
  /// What an interval takes.
  fileprivate static let need = "which take resamples of at least \(SequenceBootstrap.fewest) sequences"

  /// Which of the two parts is the larger one, by the 95 % interval of that of 1 - D.
  fileprivate static func larger(_ lower: Double, _ upper: Double) -> String {
    if lower > 0.5 { return "more of it is cancellation than smaller changes" }
    return upper < 0.5
      ? "more of it is smaller changes than cancellation" : "which of the two is more of it is not decided"
  }
}
