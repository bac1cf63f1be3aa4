public import JSON
internal import System

/// A difference, and what resamples of whole sequences say of it.
public struct ResampledDifference: Sendable, Hashable {
  public let value: Double
  /// 95 %; nil without a bootstrap, with too few sequences, or where too many resamples have no value.
  public let interval: BootstrapIntervals.Interval?
  /// The deviation of the resamples, made larger by sqrt(n / (n - 1)) for n sequences, of which resamples vary too little; nil where
  /// there is no interval.
  public let error: Double?
  /// How many sequences each resample is made of.
  public let sequences: Int
  /// How many resamples were drawn, and how many of them have no value.
  public let resamples, missing: Int

  /// - Parameter values: in the resamples that have one.
  init(_ value: Double, _ values: [Double], of sequences: Int, _ bootstrap: SequenceBootstrap) {
    self.value = value
    self.sequences = sequences
    resamples = bootstrap.resamples
    missing = resamples - values.count
    interval = bootstrap.interval(values, of: sequences)
    let n = Double(sequences)
    error = interval.flatMap { _ in
      SeedSpread(values)?.deviation.map { $0 * (n / (n - 1)).squareRoot() }
    }
  }

  /// The probability of a difference at least as far from 0 if it is 0: Student's t with one degree of freedom fewer than sequences.
  /// Resamples without a value are in no deviation, and may be those that lie on the other side of 0: it is at least twice their part.
  /// Nil where no error is known.
  public var probabilityOfZero: Double? {
    deviating.map { missing == 0 ? $0 : min(1, max($0, 2 * Double(missing) / Double(resamples))) }
  }

  /// Whether resamples without a value decide that probability, and not Student's t.
  public var isByMissing: Bool { deviating != probabilityOfZero }

  private var deviating: Double? {
    guard let error, sequences > 1 else { return nil }
    return error > 0 ? StudentT.tails(beyond: value / error, degrees: sequences - 1) : value == 0 ? 1 : 0
  }

  /// Whether it is above or below 0; nil where that is not certain at a level, or 0 lies in the 95 % interval, which need not be
  /// symmetric.
  public func isPositive(level: Double) -> Bool? {
    guard let probability = probabilityOfZero, let interval, probability < level else { return nil }
    if interval.lower > 0 { return true }
    return interval.upper < 0 ? false : nil
  }
}

extension ResampledDifference {
  public var json: JSON {
    [
      "value": .number(value), "interval": interval?.json ?? .null, "error": .optional(error),
      "sequences": .whole(sequences), "missing_resamples": .whole(missing),
    ]
  }

  /// - Parameter resamples: how many were drawn.
  init(json: JSON, resamples: Int) throws(Failure) {
    value = try json.number("value")
    interval = try json.optionalInterval("interval")
    error = try json.optionalNumber("error")
    sequences = try json.whole("sequences")
    missing = try json.whole("missing_resamples")
    self.resamples = resamples
    guard sequences >= 1, 0...max(0, resamples) ~= missing, error.map({ $0 >= 0 }) ?? true else {
      throw Failure(
        .malformed,
        "a difference between resamples has at least one sequence, no more of them without a value than there are, and no error below 0"
      )
    }
  }

  init?(_ json: JSON, optional name: String, resamples: Int) throws(Failure) {
    guard let value = json[name], !value.isNull else { return nil }
    self = try ResampledDifference(json: value, resamples: resamples)
  }
}
