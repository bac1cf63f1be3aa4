import Actions
import Synchronization
import System

/// Follows what a command tells while it runs, and passes on how far it is.
final class CommandFollower: Sendable {
  private struct State: ~Copyable {
    var events: CommandEvents
    var progress = TrainingProgress()
    var growing: GrowingOutputs
    /// Whether the command has ended.
    var isOver = false
  }

  private let state: Mutex<State>
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
    let task = Task { [self] in
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
    state.withLock { state in
      if !state.isOver { look(&state) }
    }
  }

  private func lookForTheLastTime() {
    state.withLock { state in
      state.isOver = true
      repeat { look(&state) } while state.events.mayGoOn
    }
  }

  /// Passes on what it sees before the next look begins: what one look has read is passed on before that which comes behind it, and all
  /// of it before the last look ends.
  private func look(_ state: inout State) {
    let events = state.events.new()
    var (logs, members): ([CommandEvents.Log], [GrownMember]) = ([], [])
    for event in events {
      switch event {
      case .log(let log): logs.append(log)
      case .saved(let path):
        if let member = state.growing.finished(announced: path) { members.append(member) }
      }
    }
    members += state.isOver ? state.growing.finishedInTheEnd() : state.growing.finished()
    for case .saved(let path) in events { saved(path) }
    for member in members { grown(member) }
    if let progress = state.progress.progress(logs, at: (ContinuousClock.now - start) / .seconds(1)) {
      report(progress)
    }
  }
}
