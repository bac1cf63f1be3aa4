internal import Safetensors
public import System

/// A checkpoint's loss of each token of a stream but its first, in nats.
///
/// As a file, safetensors with `losses` (float32), and the metadata `context` and `stream`; also `unit`, where they are bits.
public struct TokenLosses: Sendable {
  /// Tokens of a window: a token's loss is that after the tokens before it in its window.
  public let context: Int
  /// The digest of the stream.
  public let stream: String
  public let values: [Float]

  public init(_ values: [Float], context: Int, stream: String) {
    self.values = values
    self.context = context
    self.stream = stream
  }

  public var mean: Double { values.reduce(0.0) { $0 + Double($1) } / Double(values.count) }

  /// Refuses what can be no losses in nats of tokens of such a vocabulary, but perplexities, or sums.
  ///
  /// - Parameter vocabulary: how many tokens there are.
  public func check(vocabulary: Int) throws(Failure) {
    let (mean, most) = (mean, LossCheck.largestMean(vocabulary: vocabulary))
    guard mean > most, let least = values.min(), least >= 1 else { return }
    throw Failure(
      .unusable, "what is given for losses of tokens has the mean \(mean), and is nowhere below \(least)",
      facts: [("most", "\(most) nats, of a vocabulary of \(vocabulary)")],
      hint:
        "give the loss of each token in nats: of a perplexity its logarithm, of a sum over tokens each of them"
    )
  }

  public func write(to output: (UnsafeRawBufferPointer) throws -> Void) throws {
    try SafetensorsWriter(
      [("losses", .float32, [values.count])], metadata: ["context": String(context), "stream": stream]
    ).write({ _, emit in try values.withUnsafeBytes(emit) }, to: output)
  }

  /// - Throws: `malformed` if the bytes are not what `write` wrote, or a loss is none.
  public init(parsing bytes: [UInt8]) throws(Failure) {
    do throws(Failure) {
      let file = try SafetensorsFile(bytes)
      guard let stream = file.header.metadata["stream"],
        let context = file.header.metadata["context"].flatMap({ Int($0) }), context > 0
      else { throw Failure(.malformed, "its metadata do not say which windows they are of") }
      let factor = try LossUnitText.factor(file.header.metadata)
      let losses: [Float] = try file.elements("losses", .float32)
      self.init(
        factor == 1 ? losses : losses.map { Float(Double($0) * factor) }, context: context, stream: stream)
      if let shape = file.descriptor("losses")?.shape, shape.count != 1 {
        throw Failure(.malformed, "the tensor 'losses' has the shape \(shape), and not one dimension")
      }
      try LossCheck.check(values)
    } catch {
      throw Failure(
        .malformed, "these are no losses of tokens: \(error.headline)",
        hint: error.hint ?? "measure them with lm.losses, or write them as docs/formats.md says",
        cause: error)
    }
  }
}
