import Compute
import Foundation
import JSON
import Testing

/// Curves and their fits as `Tests/Reference/breaks.py` prepares and fits them: a moving average without running sums, and all five
/// parameters searched at once.
@Suite struct BreakFixtureTests {
  static let names = ["sharp", "gentle", "autocorrelated", "faster"]

  private static let all = Result {
    let folder = URL(fileURLWithPath: #filePath).appending(path: "../../Fixtures/breaks").standardized
    return try JSON(parsing: [UInt8](Data(contentsOf: folder.appending(path: "curves.json"))))
  }

  private func fixture(_ name: String) throws -> (curve: Curve, skip: Int, expected: JSON) {
    let fixture = try #require(try Self.all.get()[name])
    let losses = try #require(fixture["losses"]?.array).compactMap(\.double)
    let every = try #require(fixture["every"]?.integer)
    let steps = losses.indices.map { ($0 + 1) * every }
    let skip = try #require(fixture["skip"]?.integer)
    return (
      Curve(run: name, steps: steps, losses: losses), skip, try #require(fixture["expected"])
    )
  }

  @Test(arguments: names)
  func `Preparation smooths and keeps what the reference does`(name: String) throws {
    let (curve, _, expected) = try fixture(name)
    let prepared = try Preparation()(curve)
    let kept = try #require(expected["kept"]?.array).compactMap(\.double)
    #expect(prepared.steps.map(Double.init) == kept)
    let smoothed = try #require(expected["smoothed"]?.array).compactMap(\.double)
    #expect(smoothed.count == prepared.losses.count)
    for (loss, wanted) in zip(prepared.losses, smoothed) { #expect(abs(loss / wanted - 1) < 1e-14) }
  }

  @Test(arguments: names)
  func `The fit is that of the reference`(name: String) throws {
    let (curve, skip, expected) = try fixture(name)
    let analysis = try CurveAnalysis.run(
      curve, options: CurveAnalysis.Options(skip: skip, resamples: 0, starts: 20, cuts: []))
    func compare(_ member: String, _ value: Double?, in json: JSON?, _ tolerance: Double) throws {
      let wanted = try #require(json?[member]?.double)
      #expect(abs(try #require(value) / wanted - 1) < tolerance, "\(member): \(String(describing: value))")
    }
    for member in ["b", "c0", "c1", "log_d1", "f1", "t_d", "L_d", "r_d", "rsle", "L_T_predicted"] {
      try compare(member, analysis.summary[member]?.double, in: expected, 1e-6)
    }
    try compare("sse", analysis.fit.quality.sse, in: expected, 1e-9)
    try compare("power_law_c0", analysis.powerLaw.c0, in: expected, 1e-9)
    try compare("power_law_sse", analysis.powerLaw.quality.sse, in: expected, 1e-9)
    // Windows of many steps are summed over a part of them.
    for member in ["t_d", "L_d", "r_d"] {
      try compare(
        member, analysis.summary["unsmoothed"]?[member]?.double, in: expected["unsmoothed"], 1e-4)
    }
  }
}
