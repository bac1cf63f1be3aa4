import Compute
import Foundation
import JSON
import System
import Testing

@Suite struct ComparisonTests {
  /// L_d = 40 N^-0.1 exactly, the break always at the same step.
  func analysis(_ run: String, size: Double) throws -> CurveAnalysis {
    let curve = OneBreak(b: 40 * pow(size, -0.1) * exp(0.2 * 8), c0: 0.2, c1: -0.17, logD1: 8, f1: 0.3)
    let sample = Sample.prepared(curve)
    let named = PreparedCurve(
      run: run, steps: sample.steps, losses: sample.losses, smoothing: nil, isSubsampled: true,
      sourcePoints: 60,
      wasPrepared: true, notes: [])
    return try CurveAnalysis.run(named, options: Sample.quick)
  }

  @Test func `Slopes against size come out of four sizes, and of no fewer`() throws {
    let sizes = ["c": 1e9, "a": 1e7, "b": 1e8, "d": 3e9]
    let analyses = try sizes.keys.sorted().map { try analysis($0, size: sizes[$0]!) }
    let comparison = try CurveComparison(analyses.reversed(), sizes: sizes)
    #expect(comparison.rows.map(\.run) == ["a", "b", "c", "d"])
    let slope = try #require(comparison.scalings.first { $0.quantity == .breakLoss })
    #expect(abs(slope.slope + 0.1) < 1e-7)
    #expect(slope.sizes == 4)
    #expect(slope.slopeInterval.lower <= slope.slope && slope.slope <= slope.slopeInterval.upper)
    let three = analyses.filter { $0.curve.run != "d" }
    #expect(try CurveComparison(three, sizes: sizes.filter { $0.key != "d" }).scalings.isEmpty)
    // A second seed is no further size.
    let again = try analysis("a2", size: 1.1e7)
    #expect(
      try CurveComparison(three + [again], sizes: ["a": 1e7, "a2": 1e7, "b": 1e8, "c": 1e9]).scalings.isEmpty)
    #expect(try CurveComparison(json: JSON(parsing: comparison.json.canonicalBytes)) == comparison)
  }

  @Test func `Without sizes there is a table and no slope`() throws {
    let comparison = try CurveComparison([try analysis("10M", size: 1e7), try analysis("9M", size: 9e6)])
    #expect(comparison.scalings.isEmpty)
    #expect(comparison.rows.map(\.run) == ["9M", "10M"])
    #expect(comparison.rows[0].verdict == .deceleration)
  }

  @Test func `Sizes of unknown runs and two runs of one name are refused`() throws {
    let one = try analysis("a", size: 1e7)
    #expect(throws: Failure.self) { try CurveComparison([one], sizes: ["b": 1]) }
    #expect(throws: Failure.self) { try CurveComparison([one], sizes: ["a": 0]) }
    #expect(throws: Failure.self) { try CurveComparison([one, one]) }
  }
}
