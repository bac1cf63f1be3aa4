internal import Artefacts
internal import Compute

/// What the page says decelerations are made of.
extension Page {
  func decompositions(_ results: AnalysisResults) -> Markup {
    let (tests, seeds) = (DecompositionTests(results), DecompositionSeedTests(runs, results))
    let items =
      runs.compactMap { run in finding(run, results, tests) }
      + seeds.groups.compactMap { finding($0, seeds, results) }
    if items.isEmpty { return "" }
    return "\(tests.explanation)\(seeds.explanation)\n<ul>\n\(items.joined(separator: "\n"))\n</ul>"
  }

  /// What holds of the model, and not only of one training of it.
  private func finding(
    _ found: DecompositionSeedTests.Found, _ tests: DecompositionSeedTests, _ results: AnalysisResults
  ) -> Markup {
    let (group, rates) = (found.group, found.rate.spread)
    let start: Markup = """
      <li><strong>\(group.label)</strong>, over \(rates.values.count) seeds\(places(group, results)): the mean change of the \
      logarithm of the progress is \(Format.value(rates.mean, error: rates.deviation)) (mean ± deviation; 95 % interval of the mean: \
      \(Page.range(rates.meanInterval, like: rates)))
      """
    guard found.rate.direction == .down else { return start + ": the progress is not found to shrink.</li>" }
    guard let share = found.share else { return start + ": the progress shrinks.</li>" }
    let others = group.runs.count - share.spread.values.count
    let left: Markup =
      others == 0
      ? ""
      : """
       Of \(others) more of its \(group.runs.count) seeds there is no such part, as progress does not shrink there or cannot \
      be compared.
      """
    return start
      + """
      : the progress shrinks. The part of 1 − <i>D</i> is, over \(share.spread.values.count) seeds, \
      \(Format.value(share.spread.mean, error: share.spread.deviation)) %: \(share.larger) \
      (95 % interval of the mean: \(Page.range(share.spread.meanInterval, like: share.spread)) %; of another seed: \
      \(Page.range(share.spread.nextInterval, like: share.spread)) %).\(left)</li>
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

  private func finding(
    _ run: ReportedRun, _ results: AnalysisResults, _ tests: DecompositionTests
  ) -> Markup? {
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
    return """
      <li><strong>\(run.label)</strong>. \(place(decomposition)) <i>D</i> \(change(split, tests, digest)): before it \
      (\(steps(split.before))) the mean is \(number(before)), after it (\(steps(split.after))) \(number(after)). \
      <i>M</i> goes from \(number(mean(split.before, \.magnitude))) to \(number(mean(split.after, \.magnitude))) \
      nats per token. \(shares(split, tests, isStepDrawn: isStepDrawn, digest))</li>
      """
  }

  /// What the mean of D does, with the difference and its 95 % interval.
  private func change(
    _ split: RateDecomposition.Split, _ tests: DecompositionTests, _ digest: Digest
  ) -> Markup {
    guard let change = split.destructive, let interval = change.interval else {
      return "is not tested for a change, \(DecompositionTests.want(split.destructive, split))"
    }
    let decimals = Format.decimals(error: change.error)
    func number(_ value: Double) -> Markup {
      Page.number(
        decimals.map { Format.fixed(value, $0) } ?? Format.significant(value, 2), value, from: digest)
    }
    func size(_ value: Double, _ ends: (Double, Double)) -> Markup {
      "\(number(value)) (95 %: \(number(ends.0)) to \(number(ends.1))\(DecompositionTests.missing(change.missing, split)))"
    }
    let plain = size(change.value, (interval.lower, interval.upper))
    return switch tests.direction(of: change) {
    case .up: "rises by \(plain)"
    // The direction is said in words.
    case .down: "falls by \(size(-change.value, (-interval.upper, -interval.lower)))"
    case .neither: "is not found to rise or fall (\(plain))"
    }
  }

  /// At what the pairs are compared.
  private func place(_ decomposition: RateDecomposition) -> Markup {
    guard decomposition.isChosen, let step = decomposition.breakStep else { return "At the deceleration" }
    return
      "The loss is not found to decelerate; at step \(Format.whole(step)), which was chosen and not found,"
  }

  private func steps(_ steps: [Int]) -> Markup {
    "<i>t</i> = \(steps.map { Format.grouped($0) }.joined(separator: ", "))"
  }

  /// How much of the deceleration is due to cancellation.
  /// - Parameter isStepDrawn: whether the interval is also over where the deceleration is.
  private func shares(
    _ split: RateDecomposition.Split, _ tests: DecompositionTests, isStepDrawn: Bool, _ digest: Digest
  ) -> Markup {
    let factor = split.progressRatio
    let progress: Markup = "The progress −Δ<i>L</i> of a pair of checkpoints"
    guard let (magnitude, constructive) = tests.foundShares(of: split) else {
      if split.change.rate < 0 {
        let reason =
          split.rate.interval == nil
          ? "is not tested for a change, \(DecompositionTests.want(split.rate, split))"
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
        " (95 %, over sequences\(isStepDrawn ? " and the step" : ""), of this training: \(percent($0.lower)) to \(percent($0.upper))\(DecompositionTests.missing(split.resamplesWithoutShare, split)))"
      } ?? " (no interval, \(DecompositionTests.tooMany(split.resamplesWithoutShare, split)))"
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
      it was\(ratioInterval(split, digest)); of that, on a logarithmic scale, \(percent(constructive))\(range) come from 1 − <i>D</i> and \
      \(percent(magnitude)) from <i>M</i> (\(Page.reference(digest))).\(moving)\(across)
      """
  }

  /// The 95 % interval of the progress after, in parts of that before.
  private func ratioInterval(_ split: RateDecomposition.Split, _ digest: Digest) -> Markup {
    guard let interval = split.rate.interval else { return "" }
    func number(_ end: Double) -> Markup {
      let ratio = Elementary.exp(end)
      return Page.number(Format.significant(ratio, 2), ratio, from: digest)
    }
    return
      " (95 %: \(number(interval.lower)) to \(number(interval.upper))\(DecompositionTests.missing(split.rate.missing, split)))"
  }
}
