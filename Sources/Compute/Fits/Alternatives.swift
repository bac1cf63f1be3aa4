public import JSON

/// A plain power law b t^-c0: the curve without a break.
public struct PowerLawFit: Sendable, Hashable {
  public let b: Double
  public let c0: Double
  public let quality: FitQuality
}

/// A power law with two breaks, the earlier one first ([BNSL] with n = 2, a = 0).
public struct TwoBreakFit: Sendable, Hashable {
  public struct Break: Sendable, Hashable {
    /// d in steps.
    public let step: Double
    /// The change of the exponent; negative where the loss decelerates.
    public let change: Double
    /// f, in units of log t.
    public let width: Double
  }

  public let b: Double
  public let c0: Double
  public let breaks: [Break]
  public let quality: FitQuality

  /// The exponents before, between and behind the breaks.
  public var rates: [Double] {
    breaks.reduce(into: [c0]) { rates, each in rates.append(rates[rates.count - 1] + each.change) }
  }

  /// log L at step t > 0.
  public func logLoss(at step: Double) -> Double {
    let x = Elementary.log(step)
    return breaks.reduce(Elementary.log(b) - c0 * x) { sum, each in
      sum - each.change * each.width * Elementary.softplus((x - Elementary.log(each.step)) / each.width)
    }
  }
}

/// The fit to the points behind another cut of the transient: t_d moves with it far beyond its standard error.
public struct CutSensitivity: Sendable, Hashable {
  /// Points at steps up to this one were left out.
  public let skip: Int
  public let points: Int
  public let curve: OneBreak
  public let rsle: Double
}

extension PowerLawFit {
  public var json: JSON { ["b": .number(b), "c0": .number(c0), "quality": quality.json] }

  init(json: JSON) throws(ComputeError) {
    b = try json.number("b")
    c0 = try json.number("c0")
    quality = try FitQuality(json: try json.member("quality"))
  }
}

extension TwoBreakFit {
  public var json: JSON {
    [
      "b": .number(b), "c0": .number(c0), "quality": quality.json,
      "breaks": .array(
        breaks.map {
          ["step": .number($0.step), "change": .number($0.change), "width": .number($0.width)]
        }),
    ]
  }

  init(json: JSON) throws(ComputeError) {
    b = try json.number("b")
    c0 = try json.number("c0")
    var breaks: [Break] = []
    for each in try json.list("breaks") {
      breaks.append(
        Break(
          step: try each.number("step"), change: try each.number("change"), width: try each.number("width")))
    }
    self.breaks = breaks
    quality = try FitQuality(json: try json.member("quality"))
  }
}

extension CutSensitivity {
  public var json: JSON {
    [
      "skip": .whole(skip), "points": .whole(points), "t_d": .number(curve.breakStep),
      "L_d": .number(curve.breakLoss), "r_d": .number(curve.finalRate), "rsle": .number(rsle),
      "curve": curve.json,
    ]
  }

  init(json: JSON) throws(ComputeError) {
    skip = try json.whole("skip")
    points = try json.whole("points")
    rsle = try json.number("rsle")
    curve = try OneBreak(json: try json.member("curve"))
  }
}
