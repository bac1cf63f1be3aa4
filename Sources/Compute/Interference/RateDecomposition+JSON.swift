public import JSON
public import System

extension RateDecomposition {
  public var json: JSON {
    [
      "run": .string(run), "t_d": .optional(isChosen ? nil : breakStep),
      "chosen_step": .optional(isChosen ? breakStep : nil), "first_step": .whole(firstStep),
      "pairs": .array(pairs.map(\.json)),
      "split": split?.json ?? .null,
    ]
  }

  public init(json: JSON) throws(Failure) {
    run = try json.text("run")
    let chosen = try json.optionalNumber("chosen_step")
    isChosen = chosen != nil
    let broken = try json.optionalNumber("t_d")
    breakStep = chosen ?? broken
    firstStep = try json.whole("first_step")
    var pairs: [Pair] = []
    for pair in try json.list("pairs") { pairs.append(try Pair(json: pair)) }
    self.pairs = pairs
    let split = try json.member("split")
    self.split = split.isNull ? nil : try Split(json: split)
  }
}

extension RateDecomposition.Pair {
  var json: JSON {
    let factors = factors
    return [
      "from": .whole(from), "to": .whole(to), "change": .number(change), "D": .optional(destructive),
      "M": .number(magnitude), "log_rate": .optional(factors?.rate), "log_M": .optional(factors?.magnitude),
      "log_constructive": .optional(factors?.constructive),
    ]
  }

  init(json: JSON) throws(Failure) {
    from = try json.whole("from")
    to = try json.whole("to")
    change = try json.number("change")
    destructive = try json.optionalNumber("D")
    magnitude = try json.number("M")
  }
}

extension RateDecomposition.Split {
  /// The shares are null where the rate has not fallen.
  var json: JSON {
    let shares = change.shares
    return [
      "before": .wholes(before), "after": .wholes(after), "across": .optional(across),
      "log_rate": .number(change.rate),
      "log_M": .number(change.magnitude), "log_constructive": .number(change.constructive),
      "share_M": .optional(shares?.magnitude), "share_D": .optional(shares?.constructive),
      "share_D_by_window": .array(destructiveSharesByWindow.map { .optional($0) }),
      "share_D_interval": destructiveShareInterval?.json ?? .null,
      "log_rate_resampled": rate.json, "D_change": destructive?.json ?? .null,
      "resamples": .whole(resamples), "resamples_without_share": .whole(resamplesWithoutShare),
    ]
  }

  init(json: JSON) throws(Failure) {
    before = try json.wholes("before")
    after = try json.wholes("after")
    across = try json.optionalWhole("across")
    change = RateDecomposition.Factors(
      rate: try json.number("log_rate"), magnitude: try json.number("log_M"),
      constructive: try json.number("log_constructive"))
    var shares: [Double?] = []
    for share in try json.list("share_D_by_window") {
      if !share.isNull && share.double == nil {
        throw Failure(.malformed, "\"share_D_by_window\" holds something that is no number")
      }
      shares.append(share.double)
    }
    destructiveSharesByWindow = shares
    destructiveShareInterval = try json.optionalInterval("share_D_interval")
    resamples = try json.whole("resamples")
    rate = try ResampledDifference(json: try json.member("log_rate_resampled"), resamples: resamples)
    destructive = try ResampledDifference(json, optional: "D_change", resamples: resamples)
    resamplesWithoutShare = try json.whole("resamples_without_share")
  }
}
