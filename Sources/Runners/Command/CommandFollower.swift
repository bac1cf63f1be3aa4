import Actions
import Synchronization
import System

/// Follows what a command tells while it runs, and passes on how far it is.
final class CommandFollower: Sendable {
  private struct State: ~Copyable {
    var events: CommandEvents
    var growing: GrowingOutputs
    /// Whether the command has ended.
    var isOver = false
  }

  /// What one look has read.
  private struct Sight {
    var events: [CommandEvents.Event] = []
    var members: [GrownMember] = []
  }

  /// Never held while something is passed on, which may take long: what is foreseen does not wait for that.
  private let state: Mutex<State>
  /// Held while a look is passed on, so that what was read before is passed on before.
  private let passing = Mutex(TrainingProgress())
  private let start = ContinuousClock.now
  private let report: @Sendable (OperationContext.Progress) -> Void
  private let saved: @Sendable (String) -> Void
  private let grown: @Sendable (GrownMember) -> Void

  /// Between two looks.
  private static let pause = Duration.milliseconds(200)

  init(
    scratch: String, files: any FileSystem, report: @escaping @Sendable (OperationContext.Progress) -> Void,
    saved: @escaping @Sendable (String) -> Void, growing: GrowingOutputs,
    grown: @escaping @Sendable (GrownMember) -> Void
  ) throws {
    state = Mutex(State(events: try CommandEvents(in: scratch, files: files), growing: growing))
    self.grown = grown
    self.report = report
    self.saved = saved
  }

  /// The command is about to be told to end, or to be killed.
  func foresee(_ event: ChildProcess.Foreseen) { state.withLock { $0.growing.foresee(event) } }

  /// The command has ended as it was to.
  func succeed() { state.withLock { $0.growing.succeed() } }

  /// Looks every now and then while the body runs, and once more when it has ended.
  func following<Result>(_ body: () async throws -> Result) async throws -> Result {
    let task = Task(executorPreference: TaskThreads.shared) { [self] in
      while !Task.isCancelled {
        try await Task.sleep(for: CommandFollower.pause)
        look()
      }
    }
    defer {
      task.cancel()
      lookForTheLastTime()
    }
    return try await body()
  }

  private func look() {
    passing.withLock { progress in
      let sight = state.withLock { state in
        if state.isOver { return Sight() }
        var sight = CommandFollower.sight(&state)
        sight.members += state.growing.finished()
        return sight
      }
      pass(sight, &progress)
    }
  }

  /// All is passed on before this ends.
  private func lookForTheLastTime() {
    passing.withLock { progress in
      var mayGoOn = true
      while mayGoOn {
        let sight = state.withLock { state in
          state.isOver = true
          let sight = CommandFollower.sight(&state)
          mayGoOn = state.events.mayGoOn
          return sight
        }
        pass(sight, &progress)
      }
      pass(Sight(members: state.withLock { $0.growing.finishedInTheEnd() }), &progress)
    }
  }

  /// What the command has told since the last look.
  private static func sight(_ state: inout State) -> Sight {
    var sight = Sight(events: state.events.new())
    for case .saved(let path) in sight.events {
      if let member = state.growing.finished(announced: path) { sight.members.append(member) }
    }
    return sight
  }

  private func pass(_ sight: Sight, _ progress: inout TrainingProgress) {
    var logs: [CommandEvents.Log] = []
    for event in sight.events {
      switch event {
      case .log(let log): logs.append(log)
      case .saved(let path): saved(path)
      }
    }
    for member in sight.members { grown(member) }
    if let progress = progress.progress(logs, at: (ContinuousClock.now - start) / .seconds(1)) {
      report(progress)
    }
  }
}
