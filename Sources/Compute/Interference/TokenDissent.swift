internal import Safetensors
public import JSON
public import System

/// The gradient dissent of the tokens of an evaluation stream at a checkpoint.
///
/// As a file, safetensors with `attraction`, `repulsion`, `gradient`, `dissent` and `p_target` (float32), and the metadata
/// `format`, `run`, `step`, `context` and `stream`.
public struct TokenDissent: Sendable {
  public let run: String
  public let step: Int
  /// Tokens of a window.
  public let context: Int
  /// The digest of the stream.
  public let stream: String
  public let tokens: [DissentMeasurement.Token]

  /// - Throws: if there are no tokens, or a number is not finite.
  public init(
    run: String, step: Int, context: Int, stream: String, tokens: [DissentMeasurement.Token]
  ) throws(Failure) {
    guard !tokens.isEmpty else { throw Failure(.unusable, "there are no tokens to measure dissent of") }
    if let token = tokens.firstIndex(where: { !$0.gradient.isFinite || !$0.dissent.isFinite }) {
      throw Failure(.unusable, "the gradient of token \(token) is not finite")
    }
    self.run = run
    self.step = step
    self.context = context
    self.stream = stream
    self.tokens = tokens
  }

  private static let columns: [(String, @Sendable (DissentMeasurement.Token) -> Float)] = [
    ("attraction", \.attraction), ("repulsion", \.repulsion), ("gradient", \.gradient),
    ("dissent", \.dissent), ("p_target", \.probability),
  ]

  public func write(to output: (UnsafeRawBufferPointer) throws -> Void) throws {
    let writer = try SafetensorsWriter(
      Self.columns.map { ($0.0, .float32, [tokens.count]) },
      metadata: [
        "format": "brake.dissent", "run": run, "step": String(step), "context": String(context),
        "stream": stream,
      ])
    try writer.write(
      { tensor, emit in
        for (name, value) in Self.columns where name == tensor.name {
          try tokens.map(value).withUnsafeBytes(emit)
        }
      }, to: output)
  }

  /// Means over all tokens and over those of each position and frequency. `total` is the share of tokens whose dissent is
  /// total, `share` a bin's part of the sum of dissent.
  /// - Parameters:
  ///   - stream: the one that was measured, its tokens below `vocabulary`.
  ///   - total: a dissent from here on counts as total.
  public func summary(
    stream: [UInt32], vocabulary: Int, total: Double, bootstrap: SequenceBootstrap
  ) throws -> JSON {
    guard stream.count > tokens.count else {
      throw Failure(.unusable, "the stream has \(stream.count) tokens, too few for \(tokens.count)")
    }
    let sum = dissent(tokens.indices)
    func members(_ places: [Int]) -> [String: JSON] {
      func mean(_ value: (DissentMeasurement.Token) -> Double) -> JSON {
        .number(places.reduce(0.0) { $0 + value(tokens[$1]) } / Double(places.count))
      }
      return [
        "tokens": .whole(places.count), "attraction": mean { Double($0.attraction) },
        "repulsion": mean { Double($0.repulsion) }, "gradient": mean { Double($0.gradient) },
        "dissent": mean { Double($0.dissent) }, "p_target": mean { Double($0.probability) },
        "total": mean { Double($0.dissent) >= total ? 1 : 0 },
      ]
    }
    func rows(_ bins: TokenBins) -> JSON {
      bins.rows { members($0).merging(["share": .number(dissent($0) / sum)]) { $1 } }
    }
    let count = tokens.count
    let own: [String: JSON] = [
      "run": .string(run), "step": .whole(step), "context": .whole(context), "total_from": .number(total),
      "dissent_interval": try interval(bootstrap)?.json ?? .null,
      "sequences": .whole(sequences.count), "resamples": .whole(bootstrap.resamples),
      "seed": .whole(bootstrap.seed),
      "by_position": rows(.positions(count: count, context: context)),
      "by_frequency": rows(.frequencies(of: stream, vocabulary: vocabulary, count: count)),
    ]
    return .object(own.merging(members(Array(tokens.indices))) { $1 })
  }

  private func dissent(_ places: some Sequence<Int>) -> Double {
    places.reduce(0.0) { $0 + Double(tokens[$1].dissent) }
  }

  /// The tokens of each window; the last one may be shorter.
  public var sequences: [Range<Int>] {
    stride(from: 0, to: tokens.count, by: context).map { $0..<min($0 + context, tokens.count) }
  }

  /// Of the mean dissent, over sequences.
  private func interval(_ bootstrap: SequenceBootstrap) throws -> BootstrapIntervals.Interval? {
    try bootstrap.intervals(
      of: sequences.map { (tokens: $0.count, sum: dissent($0)) }, from: (0, 0),
      adding: { $0 = ($0.tokens + $1.tokens, $0.sum + $1.sum) },
      [(-1...1, { $0.sum / Double($0.tokens) })])[0]
  }
}
