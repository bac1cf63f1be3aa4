public import Artefacts

/// An input as an operation sees it.
public struct InputArtefact: Sendable {
  public let artefact: Artefact
  /// Which one of many; nil for a single input.
  public let key: String?
  let store: Store

  public var digest: Digest { artefact.digest }

  /// All bytes of a blob, verified; an error if there are more than `limit`.
  public func bytes(limit: Int = 1 << 30) throws -> [UInt8] {
    try store.bytes(of: artefact.digest, limit: limit)
  }
}

/// What an operation is given: its inputs and parameters, a place for its outputs, and ways to be watched and stopped.
public struct OperationContext: Sendable {
  public let parameters: ParameterValues
  /// A folder of its own, empty at first, removed afterwards.
  public let scratch: String
  let inputs: [String: [InputArtefact]]
  let report: @Sendable (Progress) -> Void

  public struct Progress: Sendable {
    /// 0...1, where it can be known.
    public let fraction: Double?
    public let text: String
  }

  public subscript<Value>(_ parameter: Parameter<Value>) -> Value { parameters[parameter] }

  /// The one artefact of a single input.
  public func input(_ name: String) -> InputArtefact { inputs[name]![0] }
  public func optionalInput(_ name: String) -> InputArtefact? { inputs[name]?.first }
  /// The artefacts of a `many` input, in the pipeline's order.
  public func inputs(_ name: String) -> [InputArtefact] { inputs[name] ?? [] }

  /// Where to write an output: a path in `scratch` that does not exist yet, with its folder made.
  public func path(of output: String, key: String? = nil) throws -> String { fatalError() }
  public func write(_ bytes: [UInt8], to output: String, key: String? = nil) throws { fatalError() }
  /// A line of the action's log, kept with its record.
  public func log(_ line: String) { fatalError() }
  public func progress(_ fraction: Double?, _ text: String = "") {
    report(Progress(fraction: fraction, text: text))
  }
  /// Throws when the run was cancelled. Call it often enough that Ctrl-C feels immediate.
  public func checkCancellation() throws { try Task.checkCancellation() }
}
