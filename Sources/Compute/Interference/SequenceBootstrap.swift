/// Resampling of whole sequences with replacement: the tokens of a sequence share what stands before them, so that they
/// are no independent draws, while sequences nearly are (Efron and Tibshirani 1993, chapter 8).
public struct SequenceBootstrap: Sendable, Hashable {
  public let resamples: Int
  public let seed: Int

  public init(resamples: Int, seed: Int) {
    self.resamples = resamples
    self.seed = seed
  }

  /// Which sequences a resample consists of; drawn by Philox, each resample from a stream of its own.
  func draw(_ resample: Int, of sequences: Int) -> [Int] {
    let random = Philox(seed: UInt64(bitPattern: Int64(seed)))
    return (0..<sequences).map {
      random.number(below: sequences, stream: Streams.sequences(resample), index: UInt64($0))
    }
  }

  /// 95 % intervals of quantities that are computed from sums over sequences.
  /// - Parameters:
  ///   - sequences: what each sequence adds.
  ///   - quantities: of the sum over a resample; one that is nil or not finite is left out.
  /// - Returns: nil for a quantity that fewer than half of the resamples have.
  func intervals<Sum>(
    of sequences: [Sum], from zero: Sum, adding add: (inout Sum, Sum) -> Void,
    _ quantities: [(Sum) -> Double?]
  ) throws -> [BootstrapIntervals.Interval?] {
    var values = [[Double]](repeating: [], count: quantities.count)
    for resample in 0..<resamples {
      try Task.checkCancellation()
      var sum = zero
      for sequence in draw(resample, of: sequences.count) { add(&sum, sequences[sequence]) }
      for (index, quantity) in quantities.enumerated() {
        if let value = quantity(sum), value.isFinite { values[index].append(value) }
      }
    }
    return values.map { $0.count * 2 > resamples ? BootstrapIntervals.Interval($0) : nil }
  }
}
