public import JSON

// SKELETON: the planner's entry points; bodies follow.

/// A pipeline file, read and checked as far as it can be without parameters.
public struct PipelineFile: Sendable {
  /// As the user named it; in every message.
  public let path: String
  /// The declared parameters with their defaults, in the file's order.
  public let parameters: [(name: String, value: JSON)]

  /// - Parameter path: what messages call the file.
  public init(text: String, path: String) throws(PipelineError) { fatalError() }
}

public struct Planner: Sendable {
  public let registry: OperationRegistry

  public init(registry: OperationRegistry) { self.registry = registry }

  /// Expands a pipeline into stage instances. Pure.
  ///
  /// - Parameters:
  ///   - overrides: `NAME=VALUE` from the command line, each value as YAML text, typed by the parameter's default.
  ///   - keys: the keys of keyed outputs that are known because their stage has run.
  public func plan(
    _ file: PipelineFile, overrides: [(name: String, value: String)] = [],
    keys: [KeyedOutput: [String]] = [:]
  ) throws(PipelineError) -> Plan { fatalError() }
}

extension Plan {
  /// The instances that the targets need, in plan order, and the deferred stages among them. A target is a stage, an
  /// instance (`fit[14M]`) or a glob over both (`fit*`, `fit[*M]`).
  public func selection(_ targets: [String]) throws(PipelineError) -> Selection { fatalError() }

  public struct Selection: Sendable {
    /// Needed instances in plan order.
    public let instances: [StageInstance]
    /// The instances that the targets name themselves.
    public let targets: [String]
    public let deferred: [DeferredStage]
  }
}

extension Plan { public func suggestion(for path: String) -> String? { nil } }
