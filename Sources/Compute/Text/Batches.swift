public import System

/// Which sequences of a token stream are trained on at which step: a pure function of (seed, step, row), of nothing that
/// went before and not of the batch size, so that a run can be taken up at any step and a batch be cut into parts.
///
/// Row r of step s begins at a place drawn uniformly from all where a sequence and the token after it fit, by Philox
/// with the counter (s, r). Sequences cross the ends of documents. They are drawn with replacement: after n tokens in all,
/// of a stream of N, a token has not been seen with a probability of about exp(-n / N).
public struct Batches: Sendable, Hashable {
  public let seed: UInt64
  /// Tokens that a sequence predicts. It has one more: its first predicts its second.
  public let context: Int
  /// Tokens of the stream.
  public let count: Int

  /// - Throws: `unusable` if the stream is too short for one sequence.
  public init(seed: UInt64, context: Int, count: Int) throws(Failure) {
    guard context > 0, count > context else {
      throw Failure(
        .unusable,
        "a stream of \(count) tokens is too short for sequences of \(context) and the token after them")
    }
    self.seed = seed
    self.context = context
    self.count = count
  }

  /// Where a sequence begins in the stream: its inputs are the `context` tokens from there on, its targets the `context`
  /// tokens from the place after.
  ///
  /// - Parameters:
  ///   - step: from 0 to 2^32 - 1.
  ///   - row: from 0 to 2^32 - 1.
  public func offset(step: Int, row: Int) -> Int {
    Philox(seed: seed).number(
      below: count - context, stream: Streams.batches, index: UInt64(UInt32(step)) << 32 | UInt64(UInt32(row))
    )
  }

  /// Where sequences of a step begin.
  func offsets(step: Int, rows: Range<Int>) -> [Int] { rows.map { offset(step: step, row: $0) } }

  /// Sequences of a step, and the tokens that they predict.
  /// - Parameter stream: of `count` tokens.
  /// - Throws: if the batch is larger than `TokenBatch.limit`.
  public func tokens(of stream: [UInt32], step: Int, rows: Range<Int>) throws(Failure) -> TokenBatch {
    precondition(stream.count == count)
    let offsets = offsets(step: step, rows: rows)
    func tokens(shiftedBy shift: Int) -> [Int32] {
      offsets.flatMap { stream[$0 + shift..<$0 + shift + context].lazy.map { Int32($0) } }
    }
    return try TokenBatch(
      sequences: rows.count, length: context, inputs: tokens(shiftedBy: 0), targets: tokens(shiftedBy: 1))
  }
}
