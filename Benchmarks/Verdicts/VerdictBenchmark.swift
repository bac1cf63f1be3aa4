import ArgumentParser
import Compute

/// What is said of loss curves, against curves of which the truth is known.
@main struct VerdictBenchmark: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verdict-benchmark",
    abstract:
      "Prints how often curves without a break are called decelerating, how often others are, and how often intervals hold.",
    discussion:
      "Fails if more than 5 % of the first or fewer than 90 % of the others are, or if intervals hold outside 92 to 98 %."
  )

  @Option(help: "Curves without a break for each cell of the verdicts.") var seeds = 20
  @Option(help: "Curves like each published run for each cell of the verdicts.") var broken = 100
  @Option(help: "Curves for each row of the intervals; 0 for none.") var coverage = 400
  @Option(help: "The longest curve without a break, in steps.") var longest = 500_000
  @Option(help: "Only rows of intervals whose name holds this.") var only = ""
  @Option(help: "The first seed.") var first = 1000
  @Flag(help: "Say of each curve with a break that is not called decelerating why.") var why = false

  func run() async throws {
    var failed = false
    print(
      "verdicts: decelerating of \(seeds) curves without a break, of \(broken) with one, smoothed or not in turn"
    )
    for family in Family.smooth where seeds > 0 {
      for steps in [1000, 10_000, 100_000, 500_000] where steps <= longest {
        failed = try await row(family, steps: steps, isBroken: false) || failed
      }
    }
    for run in PublishedRun.all where broken > 0 {
      failed = try await row(Family(run), steps: run.lastStep, isBroken: true) || failed
    }
    if coverage > 0 {
      print("intervals: nominal 95 %, of \(coverage) curves")
      for (number, each) in CoverageCase.all.enumerated() where only.isEmpty || each.name.contains(only) {
        // Chance in one case is none in the next.
        let seed = first + number * coverage
        let table = try await each.measure(seed..<seed + coverage)
        print(table.text)
        failed = failed || !table.holds
      }
    }
    if failed { throw ExitCode.failure }
  }

  /// Sizes of the noise, independent and autocorrelated, in one line.
  private func row(_ family: Family, steps: Int, isBroken: Bool) async throws -> Bool {
    var cells: [String] = []
    var failed = false
    let count = isBroken ? broken : seeds
    for persistence in [0, 0.9] {
      for deviation in [0.005, 0.02, 0.05] {
        let analyses = try await eachSeed(first..<first + count) { seed in
          let noise = Noise(deviation: deviation, persistence: persistence, seed: seed)
          let curve = noise.curve(family.logLoss, steps: steps)
          let options = CurveAnalysis.Options(
            skip: steps < 5000 ? 10 : 100, resamples: 0, starts: 20, cuts: [])
          let analysis = try? CurveAnalysis.run(
            curve, preparation: Preparation(smoothing: seed.isMultiple(of: 2) ? 1.2 : nil), options: options)
          return analysis.map { (isFound: $0.verdict == .deceleration, reason: $0.reasons.first ?? "") }
        }
        let found = analyses.count { $0?.isFound == true }
        cells.append("\(found)")
        if why, isBroken {
          for (number, analysis) in analyses.enumerated() where analysis?.isFound == false {
            print("  AR(\(persistence)), \(deviation), seed \(first + number): \(analysis?.reason ?? "")")
          }
        }
        failed =
          failed || (isBroken ? Double(found) < 0.9 * Double(count) : Double(found) > 0.05 * Double(count))
      }
    }
    print(
      "  \(family.name), T = \(steps): independent .005 .02 .05, AR(.9) .005 .02 .05: \(cells.joined(separator: " "))"
    )
    return failed
  }
}
