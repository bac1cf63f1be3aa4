public import JSON
internal import System

extension LossChanges {
  /// Which quantiles of the changes a summary has.
  private static let probabilities = [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1]

  /// D, M and the change of the mean loss with intervals over sequences, quantiles, the share of tokens that got worse,
  /// and all of it by position and by frequency. `share` is a bin's part of sum |dl|.
  /// - Parameter stream: the one that the losses are of, its tokens below `vocabulary`.
  public func summary(
    stream: [UInt32], vocabulary: Int, bootstrap: SequenceBootstrap
  ) throws -> JSON {
    guard stream.count > changes.count else {
      throw Failure(
        .unusable, "the stream has \(stream.count) tokens, too few for \(changes.count) losses",
        hint: "give the stream that the losses were measured on")
    }
    let interference = interference
    let sequences = sequences
    let intervals = try bootstrap.intervals(
      of: sequences, from: LossInterference(), adding: +=,
      [
        (0...1, \.destructive), (0 ... .infinity, \.magnitude), (-.infinity ... .infinity, \.change),
      ]
    ).map { $0?.json ?? .null }
    let count = changes.count
    func rows(_ bins: TokenBins) -> JSON {
      bins.rows { tokens in
        let part = LossInterference(tokens.lazy.map { changes[$0] })
        let share = interference.absoluteSum > 0 ? part.absoluteSum / interference.absoluteSum : nil
        return part.members.merging(["share": .optional(share)]) { $1 }
      }
    }
    let own: [String: JSON] = [
      "run": .string(run), "from": .whole(from), "to": .whole(to), "context": .whole(context),
      "D_interval": intervals[0], "M_interval": intervals[1], "change_interval": intervals[2],
      "sequences": .whole(sequences.count), "resamples": .whole(bootstrap.resamples),
      "seed": .whole(bootstrap.seed),
      "quantiles": .array(quantiles.map { ["p": .number($0), "change": .number($1)] }),
      "by_position": rows(.positions(count: count, context: context)),
      "by_frequency": rows(.frequencies(of: stream, vocabulary: vocabulary, count: count)),
    ]
    return .object(own.merging(interference.members) { $1 })
  }

  private var quantiles: [(Double, Double)] {
    let ordered = OrderedValues(changes.lazy.map { Double($0) })
    return Self.probabilities.map { ($0, ordered.percentile($0)) }
  }
}
