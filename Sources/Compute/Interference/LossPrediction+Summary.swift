public import JSON

extension LossPrediction {
  /// Tokens whose predicted changes lie between two quantiles of them.
  private struct Bin {
    let predicted, measured: [Double]
  }

  /// How well first order predicts single tokens, and in how far it predicts what all of them do together.
  ///
  /// - `predicted` and `measured`: D, M, the mean `change` and the share of tokens that got `worse`, as `zsl.losses` has them;
  /// - `correlation` (Pearson) and `rank_correlation` (Spearman) between predicted and measured changes; `slope` and
  ///   `intercept` of the line of least squares, measured = slope predicted + intercept: 1 and 0 where first order is all;
  /// - `sign`: the share of tokens that change in the direction that is predicted; `sign_null`: what predicting the commoner
  ///   direction of all tokens would give;
  /// - `rms_measured`: the root mean square of the measured changes; `rms_missed`: that of measured minus predicted; `missed`:
  ///   their quotient, 0 where first order is all, 1 where predicting no change does as well;
  /// - `bins`: the tokens in the order of their predicted changes, in groups of equal size: the ends of the predictions, the
  ///   means of both, and the 10th and 90th percentile of the measured changes.
  ///
  /// What is not defined, as a correlation with a constant, is `null`.
  /// - Parameter bins: at most; as many as there are tokens where those are fewer.
  public func summary(bins: Int) -> [String: JSON] {
    let agreement = Agreement(of: measured, with: predicted)
    let (rms, missed) = (Self.rootMeanSquare(measured), Self.rootMeanSquare(errors))
    return [
      "predicted": .object(Self.interference(predicted).members),
      "measured": .object(Self.interference(measured).members),
      "correlation": .optional(agreement.correlation),
      "rank_correlation": .optional(agreement.rankCorrelation),
      "slope": .optional(agreement.line?.slope), "intercept": .optional(agreement.line?.intercept),
      "sign": .number(signs), "sign_null": .number(commonSigns),
      "rms_measured": .number(rms), "rms_missed": .number(missed),
      "missed": .optional(rms > 0 ? missed / rms : nil),
      "bins": .array(self.bins(bins).map(Self.row)),
    ]
  }

  private static func interference(_ changes: [Double]) -> LossInterference {
    var sums = LossInterference()
    for change in changes { sums.add(change) }
    return sums
  }

  private var errors: [Double] { zip(predicted, measured).map { $1 - $0 } }

  private static func rootMeanSquare(_ values: [Double]) -> Double {
    (Sums.dot(values, values) / Double(values.count)).squareRoot()
  }

  private static func direction(_ change: Double) -> Int { change > 0 ? 1 : change < 0 ? -1 : 0 }

  private var signs: Double {
    let same = zip(predicted, measured).count { Self.direction($0) == Self.direction($1) }
    return Double(same) / Double(measured.count)
  }

  private var commonSigns: Double {
    let counts = [-1, 0, 1].map { direction in measured.count { Self.direction($0) == direction } }
    return Double(counts.max() ?? 0) / Double(measured.count)
  }

  /// Tokens of the same prediction stand in their own order.
  private func bins(_ limit: Int) -> [Bin] {
    let order = predicted.indices.sorted { (predicted[$0], $0) < (predicted[$1], $1) }
    let count = min(limit, order.count)
    return (0..<count).map { bin in
      let tokens = order[bin * order.count / count..<(bin + 1) * order.count / count]
      return Bin(predicted: tokens.map { predicted[$0] }, measured: tokens.map { measured[$0] })
    }
  }

  private static func row(_ bin: Bin) -> JSON {
    let measured = OrderedValues(bin.measured)
    return [
      "tokens": .whole(bin.predicted.count), "from": .optional(bin.predicted.first),
      "to": .optional(bin.predicted.last), "predicted": .number(Sums.mean(bin.predicted)),
      "measured": .number(Sums.mean(bin.measured)), "measured_10": .number(measured.percentile(0.1)),
      "measured_90": .number(measured.percentile(0.9)),
    ]
  }
}
