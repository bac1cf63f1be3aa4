public import Artefacts
public import JSON

// SKELETON: the engine's entry points; bodies follow.

/// Plans and executes one pipeline against one store.
public struct Engine: Sendable {
  /// - Parameters:
  ///   - root: the folder that source paths and published paths are relative to.
  public init(
    file: PipelineFile, overrides: [(name: String, value: String)], root: String, store: Store,
    registry: OperationRegistry
  ) { fatalError() }

  /// Brings the targets up to date. Throws only what stops the whole run; a failed stage is in the summary.
  /// Cancelling the task ends children and leaves the store clean.
  public func run(
    targets: [String], options: RunOptions, observe: @escaping @Sendable (RunEvent) -> Void
  ) async throws -> RunSummary { fatalError() }

  /// What a run would do, without running anything.
  public func status(targets: [String]) async throws -> [InstanceStatus] { fatalError() }
  /// Why a stage instance would run, or what its last run differed in from the one before.
  public func why(target: String) async throws -> [Explanation] { fatalError() }
  /// The kept output of a stage's action, of its last failure if that is newer.
  public func log(target: String) async throws -> [(instance: String, text: String)] { fatalError() }
  public func plan() throws -> Plan { fatalError() }
}

public struct RunOptions: Sendable {
  /// Stages at once; 0 for one per processor.
  public var jobs = 0
  /// Go on with what does not depend on a failed stage.
  public var keepGoing = false
  /// Run the targets' stages even where a record exists.
  public var always = false

  public init() {}
}

public enum RunEvent: Sendable {
  /// The number of instances to bring up to date; comes again when keys that became known add some.
  case planned(Int)
  case started(instance: String)
  case progress(instance: String, fraction: Double?, text: String)
  case finished(instance: String, outcome: Outcome, seconds: Double)
  /// Something worth a line that is no failure.
  case note(String)

  public enum Outcome: Sendable {
    case ran, hit
    case failed(PipelineError)
    /// Not run because of a failure before it.
    case skipped
  }
}

public struct RunSummary: Sendable {
  public var planned = 0
  public var ran = 0
  public var hit = 0
  public var failed = 0
  public var skipped = 0
  public var seconds = 0.0
  /// Target instance -> output -> digest (or, for a keyed output, an object of digests by key).
  public var outputs: [String: [String: JSON]] = [:]
  /// Workspace paths that now hold what was asked for, in plan order.
  public var published: [String] = []
  public var failures: [PipelineError] = []

  public init() {}
}

public struct InstanceStatus: Sendable {
  public enum State: String, Sendable {
    /// Recorded, and its outputs are in the store and published.
    case upToDate = "up to date"
    case mustRun = "must run"
    /// A record exists, but an output is missing or damaged in the store.
    case lost
    /// Its inputs are not known before another stage has run.
    case waiting
    /// Its outputs are recorded, but not all in the workspace.
    case unpublished
  }

  public let instance: String
  public let state: State
  public let key: Digest?
}

/// The difference between an action and its nearest recorded relative.
public struct Explanation: Sendable {
  public struct Difference: Sendable {
    /// `input curve`, `parameter skip`, `revision`, `command`, ...
    public let what: String
    public let before: String
    public let now: String
  }

  public let instance: String
  /// `is up to date`, `must run: no action of this operation is recorded`, ...
  public let verdict: String
  public let differences: [Difference]
  /// The key of the relative that it was compared with.
  public let relative: Digest?
}
