import Foundation
import JSON
import System
import Testing

@testable import Compute

@Suite struct PreparationTests {
  @Test func `Smoothing takes the mean over the indices from floor(j / 1.2) to j`() throws {
    let losses = (0..<500).map { 10 - log(Double($0 + 1)) + sin(Double($0)) }
    let curve = Curve(run: "a", steps: Array(0..<500), losses: losses)
    let smooth = try Preparation(subsample: false)(curve).losses
    for j in losses.indices {
      let window = losses[Int(Double(j) / 1.2)...j]
      #expect(abs(smooth[j] - window.reduce(0, +) / Double(window.count)) < 1e-12)
    }
  }

  @Test func `Smoothing goes by index, whatever the steps are`() throws {
    let losses = (0..<40).map { 5 - 0.1 * Double($0) }
    let near = Curve(run: "a", steps: Array(0..<40), losses: losses)
    let far = Curve(run: "a", steps: (0..<40).map { $0 * $0 * 7 }, losses: losses)
    let preparation = Preparation(subsample: false)
    #expect(try preparation(near).losses == preparation(far).losses)
  }

  @Test func `A huge loss at the start leaves no trace in later means`() throws {
    var losses = [Double](repeating: 1.0 / 3, count: 2000)
    losses[0] = 1e15
    let curve = Curve(run: "a", steps: Array(0..<2000), losses: losses)
    let smooth = try Preparation(subsample: false)(curve).losses
    #expect(abs(smooth[1999] - 1.0 / 3) < 1e-15)
  }

  @Test(arguments: [[1e308, 1e308], [1.7e308, 1, 1.7e308]])
  func `Losses whose mean is beyond the range of numbers are refused with their step`(huge: [Double]) throws {
    let losses = [Double](repeating: 3, count: 20) + huge + [Double](repeating: 2, count: 20)
    let curve = Curve(run: "a", steps: Array(0..<losses.count), losses: losses)
    let error = #expect(throws: Failure.self) { try Preparation()(curve) }
    #expect(error?.description.contains("leaves the range of numbers at step 2") == true)
    #expect(try Preparation(smoothing: nil)(curve).losses.allSatisfy { $0.isFinite })
  }

  @Test func `Subsampling keeps about a hundred points a decade and the last`() throws {
    let curve = Curve(run: "a", steps: Array(0..<12_346), losses: [Double](repeating: 2, count: 12_346))
    let kept = try Preparation()(curve).steps
    #expect(kept.first == 10)
    #expect(kept.last == 12_345)
    #expect(kept.filter { $0 < 100 } == Array(10..<100))
    #expect(kept.filter { (100..<1000).contains($0) } == Array(stride(from: 100, to: 1000, by: 10)))
    #expect(kept.filter { (1000..<10_000).contains($0) } == Array(stride(from: 1000, to: 10_000, by: 100)))
    #expect(kept.filter { $0 >= 10_000 } == [10_000, 11_000, 12_000, 12_345])
  }

  @Test func `A last step that the rule keeps is kept once`() throws {
    let curve = Curve(run: "a", steps: Array(0...2000), losses: [Double](repeating: 2, count: 2001))
    #expect(try Preparation()(curve).steps.suffix(2) == [1900, 2000])
  }

  @Test func `Subsampling that would leave next to nothing is not done, and this is noted`() throws {
    let steps = (0..<200).map { 10_001 + 997 * $0 }
    let curve = Curve(run: "a", steps: steps, losses: [Double](repeating: 2, count: 200))
    let prepared = try Preparation()(curve)
    #expect(prepared.steps == steps)
    #expect(!prepared.isSubsampled)
    #expect(prepared.notes.map(\.kind) == [.preparation])
  }

  @Test func `A prepared curve stays as it is, with its doubled last point`() throws {
    let curve = Curve(run: "a", steps: [10, 20, 20], losses: [3, 2, 2], isPrepared: true)
    let prepared = try Preparation()(curve)
    #expect(prepared.steps == [10, 20, 20])
    #expect(prepared.wasPrepared)
  }

  @Test func `A prepared curve reads back from JSON as it was`() throws {
    let curve = Curve(
      run: "ä \"b\"", steps: Array(0..<300), losses: (0..<300).map { 1 / (1 + Double($0)) },
      notes: [CurveNote(.restart, count: 2, places: ["line 3: x"])])
    let prepared = try Preparation()(curve)
    #expect(try PreparedCurve(json: JSON(parsing: prepared.json.canonicalBytes)) == prepared)
  }

  @Test func `A prepared curve with numbers that cannot be calculated with is refused`() throws {
    let curve = Curve(run: "a", steps: Array(1...300), losses: (1...300).map { 1 / Double($0) })
    let members = try #require(try Preparation()(curve).json.object)
    func read(_ name: String, _ value: JSON) throws -> PreparedCurve {
      try PreparedCurve(json: .object(members.merging([name: value]) { $1 }))
    }
    let losses = try #require(members["losses"]?.array)
    let steps = try #require(members["steps"]?.array)
    for wrong in [0, -2] as [JSON] {
      #expect(throws: Failure.self) { try read("losses", .array([wrong] + losses.dropFirst())) }
    }
    for wrong in [-1, .integer(.max)] as [JSON] {
      #expect(throws: Failure.self) { try read("steps", .array([wrong] + steps.dropFirst())) }
    }
    for wrong in [0, 0.5, 1, -3] as [JSON] {
      #expect(throws: Failure.self) { try read("smoothing", wrong) }
    }
    #expect(try read("smoothing", .null).smoothing == nil)
    #expect(try read("smoothing", 1.5).smoothing == 1.5)
  }

  @Test func `The noise of a smoothed curve is found up to the largest steps`() throws {
    let steps = (1...40).map { $0 * 200_000_000_000_000 }
    let noise = try StepNoise(smoothed: steps, logLosses: steps.indices.map { $0 % 2 == 0 ? 1 : 1.01 })
    #expect(!noise.stretches.isEmpty && noise.stretches.allSatisfy { $0.deviation.isFinite })
  }
}
