internal import JSON
internal import System

/// What a prepared curve keeps of the points that it was made from: enough to judge laws on independent pieces of the run, and
/// to draw its noise again.
public struct CurveOrigin: Sendable, Hashable {
  /// Which of those points each point of the prepared curve stands at, from 0.
  public let places: [Int]
  public let noise: StepNoise
  public let windows: [LossWindow]
}

extension CurveOrigin {
  var json: JSON { ["places": .wholes(places), "noise": noise.json, "windows": windows.json] }

  init(json: JSON) throws(Failure) {
    places = try json.wholes("places")
    noise = try StepNoise(json: try json.member("noise"))
    windows = try [LossWindow](json: try json.member("windows"))
    // What comes from elsewhere is calculated with: places in order, and none beyond what a step can be.
    guard places.allSatisfy(Self.holds), zip(places, places.dropFirst()).allSatisfy(<) else {
      throw Failure(.malformed, "the points that the curve was made from are in no order")
    }
  }

  /// Whether a number can be a step, or the place of a point.
  static func holds(_ number: Int) -> Bool { number >= 0 && Double(number) < PointCollector.largestStep }

  /// Windows are apart by a factor in the step, so that no curve has more.
  static let mostWindows = 1000
}
