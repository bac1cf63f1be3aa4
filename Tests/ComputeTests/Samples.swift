import Compute
import Foundation

/// Curves and files that several tests use.
enum Sample {
  static let oneBreak = OneBreak(b: 18.4, c0: 0.1745, c1: -0.162, logD1: 7.2, f1: 0.3)

  /// A one-break curve at logarithmically spaced steps, already prepared.
  static func prepared(
    _ curve: OneBreak = oneBreak, points: Int = 60, from first: Double = 110, to last: Double = 100_000,
    noise: Double = 0, seed: UInt64 = 1
  ) -> PreparedCurve {
    curveOf(points: points, from: first, to: last, noise: noise, seed: seed) { curve.logLoss(at: $0) }
  }

  static func curveOf(
    points: Int = 60, from first: Double = 110, to last: Double = 100_000, noise: Double = 0,
    seed: UInt64 = 1,
    logLoss: (Double) -> Double
  ) -> PreparedCurve {
    let random = Philox(seed: seed)
    let steps = (0..<points).map {
      Int((first * pow(last / first, Double($0) / Double(points - 1))).rounded())
    }
    let losses = steps.enumerated().map {
      exp(logLoss(Double($0.element)) + noise * random.normals(stream: 0, index: UInt64($0.offset)).0)
    }
    return prepared(steps, losses)
  }

  static func prepared(_ steps: [Int], _ losses: [Double]) -> PreparedCurve {
    PreparedCurve(
      run: "sample", steps: steps, losses: losses, smoothing: nil, isSubsampled: true,
      sourcePoints: steps.count, wasPrepared: true, notes: [])
  }

  /// The fit and the verdict alone, from ten starts.
  static let quick = CurveAnalysis.Options(resamples: 0, starts: 10, cuts: [])

  static func shared(_ path: String) -> [UInt8]? {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return FileManager.default.contents(atPath: root.path + "/../shared/" + path).map { [UInt8]($0) }
  }

  static let hasPublished = shared("data/curves/published_smoothed.json") != nil

  static func lines(_ text: String...) -> [UInt8] { Array(text.joined(separator: "\n").utf8) }
}
