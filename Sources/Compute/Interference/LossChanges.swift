internal import Safetensors
public import System

/// What the loss of each token of an evaluation stream has changed by from one checkpoint to another, dl_i = l_i(to) -
/// l_i(from) in nats.
///
/// As a file, safetensors with `changes` (float32), and the metadata `format`, `run`, `from`, `to`, `context` and
/// `stream`.
public struct LossChanges: Sendable {
  /// What readers call the training.
  public let run: String
  /// The updates that the two checkpoints were made after.
  public let from, to: Int
  /// Tokens of a window; windows follow each other, and the last one may be shorter.
  public let context: Int
  /// The digest of the stream that the losses are of.
  public let stream: String
  public let changes: [Float]

  /// - Throws: if the losses are not of the same tokens, there are none, or one is not finite.
  public init(
    run: String, from: (step: Int, losses: TokenLosses), to: (step: Int, losses: TokenLosses)
  ) throws(Failure) {
    let (before, after) = (from.losses, to.losses)
    guard before.stream == after.stream, before.context == after.context,
      before.values.count == after.values.count
    else {
      throw Failure(
        .unusable, "the losses of the two checkpoints are not of the same tokens in the same windows",
        hint: "measure both with lm.losses on one stream, with the same context and tokens")
    }
    self.run = run
    (self.from, self.to) = (from.step, to.step)
    (context, stream) = (before.context, before.stream)
    changes = zip(before.values, after.values).map { $1 - $0 }
    try check()
  }

  public var interference: LossInterference { LossInterference(changes) }

  /// Of each window.
  public var sequences: [LossInterference] {
    stride(from: 0, to: changes.count, by: context).map {
      LossInterference(changes[$0..<min($0 + context, changes.count)])
    }
  }

  private func check() throws(Failure) {
    guard !changes.isEmpty, context > 0 else {
      throw Failure(.unusable, "there are no tokens whose losses could have changed")
    }
    if let token = changes.firstIndex(where: { !$0.isFinite }) {
      throw Failure(.unusable, "the change of the loss of token \(token) is \(changes[token])")
    }
  }

  // MARK: Safetensors

  private static let format = "brake.loss-changes"

  public func write(to output: (UnsafeRawBufferPointer) throws -> Void) throws {
    try SafetensorsWriter(
      [("changes", .float32, [changes.count])],
      metadata: [
        "format": Self.format, "run": run, "from": String(from), "to": String(to),
        "context": String(context), "stream": stream,
      ]
    ).write({ _, emit in try changes.withUnsafeBytes(emit) }, to: output)
  }

  /// - Throws: `malformed` if the bytes are not what `write` wrote.
  public init(parsing bytes: [UInt8]) throws(Failure) {
    do throws(Failure) {
      let file = try SafetensorsFile(bytes)
      let metadata = file.header.metadata
      func number(_ name: String) -> Int? { metadata[name].flatMap { Int($0) } }
      guard metadata["format"] == Self.format, let run = metadata["run"], let stream = metadata["stream"],
        let from = number("from"), let to = number("to"), let context = number("context")
      else { throw Failure(.malformed, "its metadata are not those of changes of losses") }
      self.run = run
      self.stream = stream
      (self.from, self.to, self.context) = (from, to, context)
      changes = try file.elements("changes", .float32)
    } catch {
      throw Failure(
        .malformed, "these are no changes of losses: \(error.headline)", hint: "make them with zsl.losses",
        cause: error)
    }
    try check()
  }
}
