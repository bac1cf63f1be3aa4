internal import Artefacts
internal import Compute

/// What is said of single trainings: whether D changes from before the deceleration to after it, and whether progress does. All of
/// it together errs in at most 5 % of pages (Bonferroni).
struct DecompositionTests {
  private let found: [(result: RateDecomposition, digest: Digest)]
  /// How many tests there are.
  let comparisons: Int

  init(_ results: AnalysisResults) {
    found = results.decompositions
    comparisons = found.reduce(0) { sum, found in
      sum
        + [found.result.split?.rate, found.result.split?.destructive].count { $0?.probabilityOfZero != nil }
    }
  }

  func direction(of difference: ResampledDifference) -> Direction {
    Direction(isPositive: difference.isPositive(level: Direction.level(of: comparisons)))
  }

  /// The parts of M and 1 - D; nil where the progress is not found to shrink, so that there is nothing to share.
  func foundShares(of split: RateDecomposition.Split) -> (magnitude: Double, constructive: Double)? {
    direction(of: split.rate) == .down ? split.change.shares : nil
  }

  /// What the page says of them all; nothing where there are none.
  var explanation: Markup {
    guard comparisons > 0 else { return "" }
    return """

      <p>Whether <i>D</i> and the progress of a training change is judged by resamples of sequences, and of \
      <i>t</i><sub>d</sub> where the fit has an interval of it: by their deviation with Student's <i>t</i>, two-sided, and at least twice the part of \
      resamples that have none, each of \
      \(comparisons) tests at a level of 5 % / \(comparisons), so that these together err in at most 5 % of pages where nothing changes, \
      and by whether the 95 % interval is on one side of 0. It is about these trainings as they are.</p>
      """
  }

  var rows: [FindingsTable.Row] {
    found.flatMap { result, digest -> [FindingsTable.Row] in
      guard let split = result.split else { return [] }
      return [("log_progress_change", split.rate), ("D_change", split.destructive)].compactMap {
        name, difference in
        guard let difference, let probability = difference.probabilityOfZero else { return nil }
        return FindingsTable.Row(
          scope: "run", name: result.run, quantity: name, unit: nil, value: difference.value,
          interval: difference.interval.map { ("this run", $0.lower, $0.upper) }, seeds: 1,
          artefacts: [digest],
          says: [direction(of: difference).says, result.chosenNote].compactMap(\.self)
            .joined(separator: "; "),
          test: .init(
            name: difference.isByMissing
              ? "twice the part of resamples of sequences without a value"
              : "Student's t over resamples of sequences",
            probability: probability, comparisons: comparisons))
      }
    }
  }

  /// Why there is no interval of a difference.
  static func want(_ difference: ResampledDifference?, _ split: RateDecomposition.Split) -> String {
    guard let difference else { return "as a pair of checkpoints has none" }
    guard split.resamples > 0, difference.sequences >= SequenceBootstrap.fewest else {
      return
        "for want of 95 % intervals, which take resamples of at least \(SequenceBootstrap.fewest) sequences"
    }
    return tooMany(difference.missing, split)
  }

  static func tooMany(_ missing: Int, _ split: RateDecomposition.Split) -> String {
    "as \(missing) of \(split.resamples) resamples have none, more than the 2.5 % that lie beyond each end of an interval"
  }

  /// How many resamples have no value; empty where all have one.
  static func missing(_ missing: Int, _ split: RateDecomposition.Split) -> String {
    missing == 0
      ? "" : ", with \(missing) of \(split.resamples) resamples that have none counted beyond either end"
  }
}

/// What is said of trainings that differ in their seed alone: whether progress shrinks in the mean over them, and which of the two
/// factors is more of that.
struct DecompositionSeedTests {
  struct Share {
    /// In percent.
    let spread: SeedSpread
    /// Of its distance from one half.
    let change: SeedChange

    /// Which of the two parts is the larger one.
    var larger: String {
      switch change.direction {
      case .up: "more of it is cancellation than smaller changes"
      case .down: "more of it is smaller changes than cancellation"
      case .neither: "which of the two is more of it is not decided"
      }
    }
  }

  struct Found {
    let group: SeedGroup
    let rate: SeedChange
    /// Nil where fewer than two seeds have one.
    let share: Share?
  }

  let groups: [Found]
  let comparisons: Int
  private let results: AnalysisResults

  init(_ runs: [ReportedRun], _ results: AnalysisResults) {
    self.results = results
    func change(_ run: ReportedRun) -> RateDecomposition.Factors? {
      results.decomposition(of: run)?.split?.change
    }
    let spreads = SeedGroup.groups(of: runs).compactMap { group in
      group.spread { change($0)?.rate }.map { rate in
        (group, rate, group.spread { change($0)?.shares.map { 100 * $0.constructive } })
      }
    }.filter { $0.1.probabilityOfZero != nil }
    let comparisons = spreads.reduce(0) { $0 + 1 + ($1.2?.deviation == nil ? 0 : 1) }
    groups = spreads.compactMap { group, rate, share in
      guard let probability = rate.probabilityOfZero else { return nil }
      return Found(
        group: group, rate: SeedChange(group, rate, probability: probability, comparisons: comparisons),
        share: share.flatMap { share in
          guard let excess = SeedSpread(share.values.map { $0 / 100 - 0.5 }),
            let probability = excess.probabilityOfZero
          else { return nil }
          return Share(
            spread: share,
            change: SeedChange(group, excess, probability: probability, comparisons: comparisons))
        })
    }
    self.comparisons = comparisons
  }

  var explanation: Markup {
    guard comparisons > 0 else { return "" }
    return """

      <p>What holds of a model, and not of one training of it, is judged by how its seeds differ (Student's <i>t</i>, two-sided, of the \
      changes and of the distance of parts from one half; each of \(comparisons) at a level of 5 % / \(comparisons)).</p>
      """
  }

  var rows: [FindingsTable.Row] {
    groups.flatMap { found in
      let names = found.group.runs.map(\.name)
      let split = results.decompositions.filter { names.contains($0.result.run) && $0.result.split != nil }
      let shared = split.filter { $0.result.split?.change.shares != nil }
      return [
        found.rate.row("log_progress_change", from: split.map(\.digest)),
        found.share?.change.row("share_D_above_half", from: shared.map(\.digest)),
      ].compactMap(\.self)
    }
  }
}
