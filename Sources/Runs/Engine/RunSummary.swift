public import Actions
public import JSON

public struct RunSummary: Sendable {
  public var planned = 0
  public var ran = 0
  public var hit = 0
  public var failed = 0
  public var skipped = 0
  public var seconds = 0.0
  /// Target instance -> output -> digest (or, for a keyed output, an object of digests by key).
  public var outputs: [String: [String: JSON]] = [:]
  /// Workspace paths that now hold what was asked for, relative to the root, in the order of publishing.
  public var published: [String] = []
  /// What went wrong, in the order in which it did.
  public var failures: [PipelineError] = []
  /// The list of what the run needed, as it is called in the store's `runs/`; nil if there is none.
  public var list: String?

  public init() {}
}
