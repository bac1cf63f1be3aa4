internal import Actions
internal import Compute
internal import System

/// The tokens of a stream behind its first, to be predicted in windows that follow each other; the last one may be
/// shorter.
struct LMWindows {
  static let context = Parameter(
    "context", default: 0, unit: "tokens", in: 0...1 << 20,
    help:
      "of a window: a token is predicted from the tokens before it in its window; 0 for the model's context")
  static let limit = Parameter(
    "tokens", default: 0, unit: "tokens", in: 0...1 << 40, help: "no more than the first ones; 0 for all")

  private let tokens: [UInt32]
  /// Predicted tokens.
  let count: Int
  /// Tokens of a window.
  let length: Int

  /// - Parameters:
  ///   - limit: 0 for all tokens.
  ///   - length: 0 for the model's context.
  init(_ stream: TokenStream, limit: Int, length: Int, model: ModelConfiguration) throws(Failure) {
    tokens = stream.tokens
    guard tokens.count > 1 else {
      throw Failure(.unusable, "a stream of \(tokens.count) tokens has none that follows another")
    }
    count = min(tokens.count - 1, limit > 0 ? limit : .max)
    self.length = length > 0 ? length : model.context
  }

  /// Tokens of a pass, roughly.
  private static let tokensOfPass = 1 << 13

  /// Hands out all windows, some at a time, in order.
  func forEach(_ context: OperationContext, _ body: (TokenBatch) throws -> Void) throws {
    var done = 0
    while done < count {
      try context.checkCancellation()
      let left = count - done
      let sequences = max(1, min(left, Self.tokensOfPass) / length)
      let range = done..<done + min(left, sequences * length)
      try body(
        TokenBatch(
          sequences: sequences, length: range.count / sequences, inputs: tokens[range].map { Int32($0) },
          targets: tokens[range.lowerBound + 1..<range.upperBound + 1].map { Int32($0) }))
      done = range.upperBound
    }
  }

  /// The loss of each predicted token in nats.
  func losses(
    _ transformer: Transformer, _ weights: Parameters, _ context: OperationContext,
    progress: (_ done: Int) -> Void = { _ in }
  ) throws -> [Float] {
    var losses: [Float] = []
    losses.reserveCapacity(count)
    try forEach(context) { batch in
      losses += try transformer.losses(of: batch, weights: weights)
      progress(losses.count)
    }
    return losses
  }
}
