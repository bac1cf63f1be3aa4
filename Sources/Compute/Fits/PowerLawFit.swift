public import JSON
internal import System

/// A plain power law b t^-c0: the curve without a break.
public struct PowerLawFit: Sendable, Hashable {
  public let b: Double
  public let c0: Double
  public let quality: FitQuality
}

extension PowerLawFit {
  public var json: JSON { ["b": .number(b), "c0": .number(c0), "quality": quality.json] }

  init(json: JSON) throws(Failure) {
    b = try json.number("b")
    c0 = try json.number("c0")
    quality = try FitQuality(json: try json.member("quality"))
  }
}
