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
  }
}
