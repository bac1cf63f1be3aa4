/// How actions are executed: in this process and its children, or elsewhere.
///
/// A runner makes the folders that it needs itself, and finds what it reads in the store and in the workspace. It knows
/// nothing of keys, records and leases: whoever asks it looks those up before, and keeps what it brings.
public protocol Runner: Sendable {
  /// How much it can execute at once.
  ///
  /// - Parameter places: the most actions at once that its user wants.
  func capacity(places: Int) -> Capacity

  /// What an instance takes of that.
  func demand(_ resources: Resources) -> Resources

  /// Whether it executes an action on this machine, in this process and its children.
  func isHere(_ action: Action) -> Bool

  /// Takes what graphics processors of this machine an action is to have for itself.
  /// - Returns: nil if others have them.
  func graphicsAtOnce(for action: Action) -> GraphicsShare?

  /// The same, but waits for them.
  ///
  /// - Parameters:
  ///   - isWanted: asked now and then.
  ///   - tell: called once if it takes some time.
  /// - Returns: nil if they are not wanted any more, or the task was cancelled.
  func graphics(
    for action: Action, while isWanted: @Sendable () -> Bool, tell: @Sendable () -> Void
  ) async -> GraphicsShare?

  /// Starts an action and waits for its end. Cancelling the task aborts it: it throws `CancellationError` once nothing of
  /// the action runs any more.
  ///
  /// - Throws: `ActionFailure` if the action was started and failed.
  func run(_ action: Action, _ watcher: ActionWatcher) async throws -> ActionResult
}

extension Runner {
  public func demand(_ resources: Resources) -> Resources { resources }

  public func isHere(_ action: Action) -> Bool { true }

  public func graphicsAtOnce(for action: Action) -> GraphicsShare? { GraphicsShare() }

  public func graphics(
    for action: Action, while isWanted: @Sendable () -> Bool, tell: @Sendable () -> Void
  ) async -> GraphicsShare? { GraphicsShare() }
}

/// What a runner is told about an action beside the action, and whom it keeps informed while that runs.
public struct ActionWatcher: Sendable {
  /// How many threads the action may use. What it makes does not depend on it.
  public let threads: Int
  /// What the action has of graphics processors; nil where nobody has handed out any.
  public let graphics: GraphicsShare?
  public let notes: ActionNotes
  /// Called with the path of the file to which the action prints, once there is one.
  public let prints: @Sendable (String) -> Void
  public let report: @Sendable (OperationContext.Progress) -> Void
  /// Called once by who is about to run a command: a folder with what an earlier attempt had saved, absolute; nil if there was none.
  public let resume: @Sendable () -> String?
  /// Called when a command says that a file is complete: with its path in the folder of the command, as the command gives it, and
  /// with that folder.
  public let saved: @Sendable (_ path: String, _ folder: String) -> Void
  /// Called when a member of an output that grows is finished. It is not to be read in the call, but behind it.
  public let grown: @Sendable (GrownMember) -> Void
  /// Called with what an earlier attempt had kept and this one finds under the same path in its folder: with the path and the folder.
  public let placed: @Sendable (_ path: String, _ folder: String) -> Void
  /// Whether nothing that was begun before is wanted.
  public let isAnew: Bool

  public init(
    threads: Int, graphics: GraphicsShare? = nil, notes: ActionNotes,
    prints: @escaping @Sendable (String) -> Void = { _ in },
    report: @escaping @Sendable (OperationContext.Progress) -> Void = { _ in },
    resume: @escaping @Sendable () -> String? = { nil },
    saved: @escaping @Sendable (_ path: String, _ folder: String) -> Void = { _, _ in },
    grown: @escaping @Sendable (GrownMember) -> Void = { _ in },
    placed: @escaping @Sendable (_ path: String, _ folder: String) -> Void = { _, _ in }, isAnew: Bool = false
  ) {
    self.grown = grown
    self.placed = placed
    self.threads = threads
    self.graphics = graphics
    self.notes = notes
    self.prints = prints
    self.report = report
    self.resume = resume
    self.saved = saved
    self.isAnew = isAnew
  }
}

/// A finished member of an output that grows while its command runs.
public struct GrownMember: Sendable {
  public let output: String
  public let key: String
  /// Its path in the folder of the command.
  public let place: String
  /// That folder.
  public let folder: String

  public init(output: String, key: String, place: String, folder: String) {
    self.output = output
    self.key = key
    self.place = place
    self.folder = folder
  }

  public var path: String { folder + "/" + place }
}

/// What an action has made, where it stands until somebody has taken it.
public struct ActionResult: Sendable {
  /// In the order of the declarations.
  public let outputs: [OutputFile]
  /// Has the log. To be removed by whoever gets it.
  public let scratch: Scratch
  /// Whether it went on from what an earlier attempt had saved, of which whoever asked for it knew nothing.
  public let isResumed: Bool

  public init(outputs: [OutputFile], scratch: Scratch, isResumed: Bool = false) {
    self.outputs = outputs
    self.scratch = scratch
    self.isResumed = isResumed
  }
}

/// An action that was started and failed, with what it left.
public struct ActionFailure: Error {
  public let error: any Error
  /// To be removed by whoever catches it.
  public let scratch: Scratch

  public init(_ error: any Error, in scratch: Scratch) {
    self.error = error
    self.scratch = scratch
  }
}
