public import JSON
internal import System

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

  init(json: JSON) throws(Failure) {
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
