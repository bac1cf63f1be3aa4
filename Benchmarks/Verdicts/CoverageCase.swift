import Compute
import Glibc

/// Curves of one law with noise: how often their intervals hold what the same preparation and fit give of it without noise, and how
/// often those of the losses hold the law itself.
struct CoverageCase: Sendable {
  let name: String
  let law: OneBreak
  let steps: Int
  let deviation: Double
  let persistence: Double
  let skip: Int
  /// Only the smoothed points are given.
  var isSmoothed = false

  private static let small = OneBreak(b: 15.26, c0: 0.3952, c1: -0.2562, logD1: 4.578, f1: 0.3)

  static let all =
    PublishedRun.all.filter { $0.name != "144M" }.flatMap { run in
      [false, true].map {
        CoverageCase(
          name: "like \(run.name)" + ($0 ? ", smoothed points" : ""), law: run.curve, steps: run.lastStep,
          deviation: 0.02, persistence: 0, skip: 100, isSmoothed: $0)
      }
    } + [
      CoverageCase(
        name: "T = 1600, independent", law: small, steps: 1600, deviation: 0.03, persistence: 0, skip: 10),
      CoverageCase(
        name: "T = 1600, AR(.9)", law: small, steps: 1600, deviation: 0.01, persistence: 0.9, skip: 10),
      CoverageCase(
        name: "T = 1600, AR(.9), much noise", law: small, steps: 1600, deviation: 0.03, persistence: 0.9,
        skip: 10),
    ]

  struct Table {
    let text: String
    let holds: Bool
  }

  /// How often intervals hold a truth.
  private struct Row {
    let text: String
    let holds: Bool

    /// - Parameters:
    ///   - truth, found: of t_d, L_d and r_d; of each curve, nil if it has none, which holds nothing.
    init(_ name: String, truth: [Double], found: [[BootstrapIntervals.Interval]?]) {
      let count = Double(found.count)
      let known = found.compactMap(\.self)
      let shares = truth.indices.map { k in
        Double(known.count { $0[k].lower <= truth[k] && truth[k] <= $0[k].upper }) / count
      }
      let cells = zip(["t_d", "L_d", "r_d"], shares.indices).map { symbol, k in
        let width = known.reduce(0) { $0 + $1[k].upper - $1[k].lower } / Double(max(known.count, 1))
        let below = known.count { truth[k] < $0[k].lower }
        let above = known.count { $0[k].upper < truth[k] }
        return
          "\(symbol) \((shares[k] * 1000).rounded() / 10) % (width \(Float(width)), truth below \(below), above \(above))"
      }
      text = "    \(name): \(cells.joined(separator: ", "))"
      holds = shares.allSatisfy { (0.92...0.98).contains($0) }
    }
  }

  func measure(_ seeds: Range<Int>) async throws -> Table {
    let without = try CurveAnalysis.run(prepared(nil), options: options(0)).fit.curve
    // Log-normal noise lifts the mean loss.
    let lift = exp(deviation * deviation / 2)
    let analyses = try await eachSeed(seeds) { seed in
      let noise = Noise(deviation: deviation, persistence: persistence, seed: seed)
      let analysis = try CurveAnalysis.run(prepared(noise), options: options(seed))
      let (fit, law) = (analysis.intervals, analysis.unsmoothed?.intervals)
      return (
        fit: fit.map { [$0.breakStep, $0.breakLoss, $0.finalRate] },
        law: law.map { [$0.breakStep, $0.breakLoss, $0.finalRate] },
        step: analysis.unsmoothed?.breakStep
      )
    }
    let rows = [
      Row(
        "what the preparation gives of it without noise",
        truth: [without.breakStep, without.breakLoss * lift, without.finalRate], found: analyses.map(\.fit)),
      Row(
        "the law itself", truth: [law.breakStep, law.breakLoss * lift, law.finalRate],
        found: analyses.map(\.law)),
    ]
    let ratios = analyses.compactMap(\.step).map { $0 / law.breakStep }.sorted()
    let middle = ratios.isEmpty ? 0 : (ratios[(ratios.count - 1) / 2] + ratios[ratios.count / 2]) / 2
    let mean = exp(ratios.reduce(0) { $0 + log($1) } / Double(max(ratios.count, 1)))
    return Table(
      text: "  \(name): t_d of the losses over that of the law: median \(Float(middle)), geometric mean "
        + "\(Float(mean)), of \(ratios.count)\n" + rows.map(\.text).joined(separator: "\n"),
      holds: rows.allSatisfy { $0.holds })
  }

  private func options(_ seed: Int) -> CurveAnalysis.Options {
    CurveAnalysis.Options(skip: skip, seed: seed, starts: 30, cuts: [])
  }

  private func prepared(_ noise: Noise?) throws -> PreparedCurve {
    let noise = noise ?? Noise(deviation: 0, persistence: 0, seed: 0)
    let curve = try Preparation()(noise.curve({ step, _ in law.logLoss(at: step) }, steps: steps))
    guard isSmoothed else { return curve }
    return PreparedCurve(
      run: curve.run, steps: curve.steps, losses: curve.losses, smoothing: nil, isSubsampled: false,
      sourcePoints: curve.steps.count, wasPrepared: true, notes: [])
  }
}
