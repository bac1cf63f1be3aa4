public import System

/// Sequences of equal length, and for each token the one that is to be predicted.
public struct TokenBatch: Sendable, Hashable {
  /// Sequences (B) and tokens in each (T).
  public let sequences, length: Int
  /// [B, T].
  public let inputs: [Int32]
  /// [B, T]; a negative target is not counted: its loss is 0.
  public let targets: [Int32]

  /// Tokens in all, at most.
  public static let limit = 1 << 22

  /// - Throws: if a list has not sequences x length tokens, or there are none or too many.
  public init(sequences: Int, length: Int, inputs: [Int32], targets: [Int32]) throws(Failure) {
    guard sequences > 0, length > 0, sequences <= TokenBatch.limit / length else {
      throw Failure(
        .malformed,
        "a batch of \(sequences) sequences of \(length) tokens is empty, or larger than \(TokenBatch.limit)")
    }
    guard inputs.count == sequences * length, targets.count == inputs.count else {
      throw Failure(
        .malformed,
        "a batch of \(sequences) sequences of \(length) tokens has \(inputs.count) inputs and \(targets.count) targets"
      )
    }
    self.sequences = sequences
    self.length = length
    self.inputs = inputs
    self.targets = targets
  }

  /// Targets that are counted.
  public var counted: Int { targets.reduce(0) { $0 + ($1 < 0 ? 0 : 1) } }

  func check(_ model: ModelConfiguration) throws(Failure) {
    guard length <= model.context else {
      throw Failure(
        .unusable, "sequences of \(length) tokens are longer than the model's context, \(model.context)")
    }
    guard inputs.allSatisfy({ $0 >= 0 && Int($0) < model.vocabulary }),
      targets.allSatisfy({ Int($0) < model.vocabulary })
    else {
      throw Failure(.unusable, "a token is outside of the model's vocabulary, 0..<\(model.vocabulary)")
    }
  }
}
