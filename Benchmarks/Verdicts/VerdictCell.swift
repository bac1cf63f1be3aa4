import Compute

/// Curves of one kind with noise of one kind: how many of them are called decelerating.
struct VerdictCell {
  let family: Family
  let steps: Int
  let deviation: Double
  let persistence: Double
  let course: NoiseCourse

  struct Count {
    var found = 0
    var curves = 0
    var share: Double { Double(found) / Double(max(curves, 1)) }
  }

  /// By how the curves are handed on, in the order of `Handed`, and of each that is not found the seed and the reason.
  struct Result {
    var counts = [Count](repeating: Count(), count: Handed.allCases.count)
    var reasons: [String] = []

    /// However they are handed on.
    var all: Count { sum(counts) }
    /// Those of which the losses of the steps are known.
    var ofLosses: Count { sum([counts[Handed.losses.rawValue], counts[Handed.smoothed.rawValue]]) }

    private func sum(_ counts: [Count]) -> Count {
      counts.reduce(into: Count()) {
        $0.found += $1.found
        $0.curves += $1.curves
      }
    }

    var text: String { counts.map { "\($0.found)" }.joined(separator: "+") }
  }

  func measure(_ seeds: Range<Int>) async throws -> Result {
    let options = CurveAnalysis.Options(skip: steps < 5000 ? 10 : 100, resamples: 0, starts: 20, cuts: [])
    let verdicts = try await eachSeed(seeds) { seed in
      let noise = Noise(deviation: deviation, persistence: persistence, course: course, seed: seed)
      let prepared = try Handed(seed: seed).prepared(noise.curve(family.logLoss, steps: steps))
      let analysis = try? CurveAnalysis.run(prepared, options: options)
      return (isFound: analysis?.verdict == .deceleration, reason: analysis?.reasons.first ?? "no fit")
    }
    var result = Result()
    for (seed, verdict) in zip(seeds, verdicts) {
      let index = Handed(seed: seed).rawValue
      result.counts[index].curves += 1
      result.counts[index].found += verdict.isFound ? 1 : 0
      if !verdict.isFound {
        result.reasons.append("AR(\(persistence)), \(deviation), seed \(seed): \(verdict.reason)")
      }
    }
    return result
  }
}
