import ArgumentParser
import Compute

/// What is said of loss curves, against curves of which the truth is known.
@main struct VerdictBenchmark: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verdict-benchmark",
    abstract:
      "Prints how often curves without a break are called decelerating, how often others are, and how often intervals hold.",
    discussion: """
      Fails if more than 5 % of the first (in a cell of laws without a break, or of all curves of other shapes) or fewer than \
      90 % of the others are, or if intervals hold outside 92 to 98 %; those of two breaks are judged \
      where at least 200 curves have some, and those of their exponents are not. Of \
      verdicts it prints three numbers a cell: of curves whose losses are fitted as they are, of curves that are smoothed \
      before, and of smoothed points alone, as published runs are; the seeds take turns. Of a break in the last nothing is \
      demanded: they tell less of the noise.
      """)

  @Option(help: "Curves for each cell of the laws without a break.") var seeds = 21
  @Option(help: "Curves for each cell of other shapes without a break, up to 100 000 steps.")
  var others = 3
  @Option(help: "Curves like each published run for each cell of the verdicts.") var broken = 99
  @Option(help: "Curves for each row of the intervals; 0 for none.") var coverage = 400
  @Option(help: "Curves for each row of the intervals of two breaks; 0 for none.") var breaks = 400
  @Option(help: "The longest curve without a break, in steps.") var longest = 500_000
  @Option(help: "How noise changes along the curves of the verdicts: constant, falling or growing.")
  var noise = NoiseCourse.constant
  @Option(help: "Only families, and rows of intervals, whose name holds this.") var only = ""
  @Option(help: "The first seed.") var first = 1000
  @Flag(help: "Say of each curve with a break that is not called decelerating why.") var why = false
  @Flag(help: "Print what the best test could find of curves with a break, and nothing else.")
  var power = false

  private static let lengths = [1000, 10_000, 100_000, 500_000]

  func run() async throws {
    if power { return try printPower() }
    var failed = try await verdicts()
    if coverage > 0 {
      print("intervals: nominal 95 %, of \(coverage) curves")
      for (number, each) in CoverageCase.all.enumerated() where isAsked(each.name) {
        let table = try await each.measure(ownSeeds(of: number, count: coverage))
        print(table.text)
        failed = failed || !table.holds
      }
    }
    if breaks > 0 {
      print("intervals of two breaks: nominal 95 %, of \(breaks) curves")
      for (number, each) in BreaksCase.all.enumerated() where isAsked(each.name) {
        let table = try await each.measure(ownSeeds(of: number, count: breaks))
        print(table.text)
        failed = failed || !table.holds
      }
    }
    if failed { throw ExitCode.failure }
  }

  /// Those of one case: chance in one is none in the next.
  private func ownSeeds(of number: Int, count: Int) -> Range<Int> {
    let seed = first + number * count
    return seed..<seed + count
  }

  private func isAsked(_ name: String) -> Bool { only.isEmpty || name.contains(only) }

  private func verdicts() async throws -> Bool {
    print(
      "verdicts, \(noise.rawValue) noise: decelerating, of losses + smoothed + smoothed points alone, of \(seeds) curves of laws "
        + "without a break, \(others) of other shapes, \(broken) with a break")
    var failed = false
    for family in Family.smooth where seeds > 0 && isAsked(family.name) {
      for steps in VerdictBenchmark.lengths where steps <= longest {
        let row = try await row(family, steps: steps, count: seeds)
        failed = failed || row.contains { $0.all.share > 0.05 }
      }
    }
    // The rivals hold none of these shapes: they are looked at together, and the rows tell which of them are taken for a break.
    var others = VerdictCell.Count()
    for family in Family.others where self.others > 0 && isAsked(family.name) {
      for steps in VerdictBenchmark.lengths where steps <= min(longest, 100_000) {
        for cell in try await row(family, steps: steps, count: self.others) {
          others.found += cell.all.found
          others.curves += cell.all.curves
        }
      }
    }
    failed = failed || others.share > 0.05
    for run in PublishedRun.all where broken > 0 && isAsked("like \(run.name)") {
      let row = try await row(Family(run), steps: run.lastStep, count: broken, why: why)
      failed = failed || row.contains { $0.ofLosses.share < 0.9 }
    }
    return failed
  }

  /// Sizes of the noise, independent and autocorrelated, in one line.
  private func row(
    _ family: Family, steps: Int, count: Int, why: Bool = false
  ) async throws -> [VerdictCell.Result] {
    var cells: [VerdictCell.Result] = []
    for persistence in [0, 0.9] {
      for deviation in [0.005, 0.02, 0.05] {
        let cell = VerdictCell(
          family: family, steps: steps, deviation: deviation, persistence: persistence, course: noise)
        cells.append(try await cell.measure(first..<first + count))
        if why { for reason in cells[cells.count - 1].reasons { print("    \(reason)") } }
      }
    }
    print(
      "  \(family.name), T = \(steps): independent .005 .02 .05, AR(.9) .005 .02 .05: "
        + cells.map(\.text).joined(separator: " "))
    return cells
  }

  private func printPower() throws {
    for (deviation, persistence) in [(0.05, 0), (0.02, 0.9), (0.05, 0.9)] {
      print("the best test, AR(\(persistence)) of \(deviation): finds, told from the nearest curve")
      for run in PublishedRun.all where isAsked("like \(run.name)") {
        print(try Power(run: run, deviation: deviation, persistence: persistence).text)
      }
    }
  }
}
