public import System

/// What is wrong with a pipeline, a target or a stage: a failure, and where in a pipeline file it comes from.
public struct PipelineError: Caused, CustomStringConvertible {
  public let failure: Failure
  /// Where it stands in a pipeline file, if it stands there.
  public let position: Position?

  public init(_ failure: Failure, at position: Position? = nil) {
    self.failure = failure
    self.position = position
  }

  public init(
    _ headline: String, at position: Position? = nil, facts: [Failure.Fact] = [], hint: String? = nil,
    code: Failure.Code = .pipeline
  ) {
    self.init(Failure(code, headline, facts: facts, hint: hint), at: position)
  }

  /// The system call that has just failed.
  public init(system verb: String, _ path: String) { self.init(Failure.system(verb, path)) }

  public var code: Failure.Code { failure.code }
  public var headline: String { failure.headline }
  public var facts: [Failure.Fact] { failure.facts }
  public var hint: String? { failure.hint }
  package var cause: (any Error)? { failure.cause }

  /// The failure's lines, with the position in front.
  public var description: String { (position.map { "\($0): " } ?? "").visible() + "error: \(failure)" }
}

extension Failure.Code {
  /// Something in a pipeline file, a target or a stage is not as it has to be.
  public static let pipeline = Self("pipeline")
  /// The value of a parameter is refused.
  public static let parameter = Self("parameter")
  /// An error of a kind that brake does not know.
  public static let unknown = Self("unknown")
}
