import Compute
import Glibc

/// Curves of one law with two breaks and noise: how often both are found, and how often their intervals and those of the exponents hold
/// the truth.
///
/// Of losses, smoothed before or not, the law is fitted to the same means; of smoothed points alone, to those that share no loss. The
/// truth is the law itself.
struct BreaksCase: Sendable {
  let law: TwoBreaks
  let persistence: Double
  let isSmoothed: Bool

  private static let deviation = 0.02
  /// Of fewer curves with intervals chance alone leaves the bounds.
  private static let fewest = 200

  static let all = TwoBreaks.published.flatMap { law in
    [false, true].flatMap { isSmoothed in
      [0, 0.9].map { BreaksCase(law: law, persistence: $0, isSmoothed: isSmoothed) }
    }
  }

  var name: String {
    "two breaks like \(law.name)" + (persistence > 0 ? ", AR(\(persistence))" : ", independent")
      + (isSmoothed ? ", smoothed points" : "")
  }

  func measure(_ seeds: Range<Int>) async throws -> CoverageCase.Table {
    let truth = law.breaks + law.rates
    let all = try await eachSeed(seeds) { seed in
      let noise = Noise(deviation: Self.deviation, persistence: persistence, seed: seed)
      return try CurveAnalysis.run(prepared(noise), options: options(seed, resamples: 500))
    }
    let found = all.filter { $0.supportedLaw?.breaks.count == 2 }
    let known = found.compactMap { $0.supportedLaw?.intervals }.filter { !$0.breaks.isEmpty }.map {
      $0.breaks + $0.rates
    }
    let shares = truth.indices.map { k in
      Double(known.count { $0[k].lower <= truth[k] && truth[k] <= $0[k].upper })
        / Double(max(known.count, 1))
    }
    let names = ["break_1", "break_2", "exponent_1", "exponent_2", "exponent_3"]
    let cells = zip(names, truth.indices).map { name, k in
      let width = known.reduce(0) { $0 + $1[k].upper - $1[k].lower } / Double(max(known.count, 1))
      return "\(name) \((shares[k] * 1000).rounded() / 10) % (\(Float(truth[k])), width \(Float(width)))"
    }
    let isJudged = known.count >= Self.fewest
    return CoverageCase.Table(
      text:
        "  \(name): \(found.count) found, \(known.count) with intervals\(isJudged ? "" : " (not judged)")\n    "
        + cells.joined(separator: ", "),
      holds: !isJudged || shares.prefix(2).allSatisfy { (0.92...0.98).contains($0) })
  }

  private func options(_ seed: Int, resamples: Int) -> CurveAnalysis.Options {
    CurveAnalysis.Options(skip: 100, resamples: resamples, seed: seed, starts: 5, cuts: [])
  }

  private func prepared(_ noise: Noise) throws -> PreparedCurve {
    let curve = noise.curve({ step, _ in law.logLoss(at: step) }, steps: law.lastStep)
    return try (isSmoothed ? Handed.points : .losses).prepared(curve)
  }
}

/// A power law with two breaks, like those that are found in a published curve.
struct TwoBreaks: Sendable {
  let name: String
  let lastStep: Int
  let b: Double
  /// Before, between and behind the breaks.
  let rates: [Double]
  let breaks: [Double]
  let widths: [Double]

  static let published = [
    TwoBreaks(
      name: "14M", lastStep: 262_153, b: 15.69, rates: [0.1489, 0.4070, 0.01351], breaks: [1181, 2385],
      widths: [0.1465, 0.4309]),
    TwoBreaks(
      name: "472M", lastStep: 188_556, b: 17.13, rates: [0.1981, 0.4755, 0.02735], breaks: [480, 1259],
      widths: [0.1634, 0.8537]),
  ]

  func logLoss(at step: Double) -> Double {
    breaks.indices.reduce(log(b) - rates[0] * log(step)) { sum, k in
      let z = log(step / breaks[k]) / widths[k]
      return sum - (rates[k + 1] - rates[k]) * widths[k] * (max(z, 0) + log1p(exp(-abs(z))))
    }
  }
}
