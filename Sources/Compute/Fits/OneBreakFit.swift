public import JSON
internal import System

/// A one-break power law fitted to a prepared curve by least squares on log L.
public struct OneBreakFit: Sendable, Hashable {
  public let curve: OneBreak
  public let quality: FitQuality
  /// The first and last step that was fitted.
  public let firstStep: Int
  public let lastStep: Int
  /// How many starts the search had, and how many of them ended at the best optimum.
  public let starts: Int
  public let startsAtOptimum: Int
  /// The optimum lies at a bound of the search (a break at the first or last point, or an all but abrupt one).
  public let isAtBound: Bool
  /// L_T: the last smoothed loss, in nats.
  public let lastLoss: Double

  /// \hat L_T = L_d (t_d / T)^r_d, in nats.
  public var predictedLastLoss: Double { curve.lateAsymptote(at: Double(lastStep)) }
}

/// How well a model fits the points.
public struct FitQuality: Sendable, Hashable {
  /// Free parameters, without the variance.
  public let parameters: Int
  public let points: Int
  /// Sum of squared residuals of log L.
  public let sse: Double
  /// sqrt(mean((log L^ - log L)^2))
  public var rsle: Double { (sse / Double(points)).squareRoot() }
}

extension FitQuality {
  public var json: JSON {
    [
      "parameters": .whole(parameters), "points": .whole(points), "sse": .number(sse), "rsle": .number(rsle),
    ]
  }

  init(json: JSON) throws(Failure) {
    parameters = try json.whole("parameters")
    points = try json.whole("points")
    sse = try json.number("sse")
    guard points > 0, sse >= 0 else {
      throw Failure(.malformed, "a fit has points and a sum of squares")
    }
  }
}

extension OneBreakFit {
  /// The members of the published table, under their names there, and what else the fit knows.
  var members: [String: JSON] {
    var members = curve.json.object ?? [:]
    members["t_d"] = .number(curve.breakStep)
    members["L_d"] = .number(curve.breakLoss)
    members["r_d"] = .number(curve.finalRate)
    members["L_T_predicted"] = .number(predictedLastLoss)
    members["L_T"] = .number(lastLoss)
    members["rsle"] = .number(quality.rsle)
    members["quality"] = quality.json
    members["first_step"] = .whole(firstStep)
    members["last_step"] = .whole(lastStep)
    members["starts"] = .whole(starts)
    members["starts_at_optimum"] = .whole(startsAtOptimum)
    members["at_bound"] = .bool(isAtBound)
    return members
  }

  init(json: JSON) throws(Failure) {
    curve = try OneBreak(json: json)
    quality = try FitQuality(json: try json.member("quality"))
    firstStep = try json.whole("first_step")
    lastStep = try json.whole("last_step")
    starts = try json.whole("starts")
    startsAtOptimum = try json.whole("starts_at_optimum")
    isAtBound = try json.flag("at_bound")
    lastLoss = try json.number("L_T")
  }
}
