public import JSON
internal import System

/// The fit to the points behind another cut of the transient: t_d may move with it beyond its interval.
public struct CutSensitivity: Sendable, Hashable {
  /// Points at steps up to this one were left out.
  public let skip: Int
  public let points: Int
  public let curve: OneBreak
  public let rsle: Double
}

extension CutSensitivity {
  public var json: JSON {
    [
      "skip": .whole(skip), "points": .whole(points), "t_d": .number(curve.breakStep),
      "L_d": .number(curve.breakLoss), "r_d": .number(curve.finalRate), "rsle": .number(rsle),
      "curve": curve.json,
    ]
  }

  init(json: JSON) throws(Failure) {
    skip = try json.whole("skip")
    points = try json.whole("points")
    rsle = try json.number("rsle")
    curve = try OneBreak(json: try json.member("curve"))
  }
}
