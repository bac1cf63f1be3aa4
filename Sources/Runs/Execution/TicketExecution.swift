public import Actions
import Artefacts
import Runners
import Synchronization
public import System

/// Executes an action that another process has sent, and waits for: the other end of an `ActionTicket`.
public struct TicketExecution: Sendable {
  private let ticket: ActionTicket
  private let job: String
  private let number: String?
  private let notice: Notice?
  private let files: any FileSystem
  private let registry: OperationRegistry
  private let guardExecutable: String?
  /// Of the machine on which this runs.
  var graphics = GraphicsQuestion()

  /// - Parameters:
  ///   - folder: of the ticket.
  ///   - number: of this job; nil where it has none.
  ///   - notice: how long commands have once the job is told to end; nil if their stages alone say that.
  ///   - job: the name of this job. Where the action is meanwhile another one's, nothing is done.
  ///   - guardExecutable: as for an `Engine`.
  public init(
    folder: String, job: String, number: String? = nil, notice: Notice? = nil, registry: OperationRegistry,
    guardExecutable: String?,
    files: any FileSystem = LocalFileSystem()
  ) {
    ticket = ActionTicket(in: folder, files: files)
    self.job = job
    self.number = number
    self.notice = notice
    self.files = files
    self.registry = registry
    self.guardExecutable = guardExecutable
  }

  /// Between two notes of how far it is.
  private static let pause = Duration.milliseconds(500)

  /// Runs the action and leaves its answer, whatever comes of it. This process is in the folder of the workspace. Cancelling the task lets the action save what it has.
  ///
  /// - Throws: what kept it from leaving an answer.
  /// - Returns: whether the action has made its outputs.
  public func run() async throws -> Bool {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      guard ticket.waits(for: job) else {
        throw Failure(
          .notFound, "nobody waits for what '\(job)' does",
          hint: "the brake that has submitted it has ended, or this machine does not see its store")
      }
      // Slurm may start a job again that has done a part of its actions.
      if ticket.hasMade(job) { return true }
      if let number, try !ticket.claim(number) {
        throw Failure(.refused, "another job called '\(job)' does this action")
      }
      let notes = ActionNotes()
      do {
        let order = try ticket.order(registry: registry, version: brakeVersion)
        try ticket.clear()
        return try await untilAbandoned { try await run(order, notes) }
      } catch {
        let told = PipelineError(wrapping: error).failure
        guard ticket.waits(for: job) else { throw told }
        try ticket.write(.failed(told), notes, by: job)
        return false
      }
    }
  }

  /// Says that the action will not begin, since its job is to end.
  public func passOver() throws {
    if !ticket.hasMade(job) { try ticket.write(.passedOver, ActionNotes(), by: job) }
  }

  /// Whether somebody waits for the action, and for this job to do it.
  public var isWaitedFor: Bool { ticket.waits(for: job) }

  /// Ends the body where nobody waits for what comes of it any more: whoever has sent the action has ended or been killed, and its
  /// folder is gone.
  private func untilAbandoned(_ body: @escaping @Sendable () async throws -> Bool) async throws -> Bool {
    let task = Task(executorPreference: TaskThreads.shared) { try await body() }
    let watch = Task { [ticket, job] in
      while ticket.waits(for: job) { try await Task.sleep(for: .seconds(10)) }
      task.cancel()
    }
    defer { watch.cancel() }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  private func run(_ order: ActionTicket.Order, _ notes: ActionNotes) async throws -> Bool {
    let store = try Store(at: order.store)
    let action = order.action
    let saved = SavedFiles(store: store)
    if action.resumes { try saved.restore(action.key) }
    let attempt = saved.attempt(of: action.key)
    let surroundings = CommandSurroundings(
      workspace: order.root, guardExecutable: guardExecutable, notice: notice)
    let runner = LocalRunner(store: store, surroundings: surroundings)
    guard let graphics = try await graphics(for: action, of: runner) else {
      try ticket.write(.told(hasSaved: false), notes, by: job)
      return false
    }
    if let remark = graphics.remark { notes.add(remark) }
    let trace = AttemptTrace(of: action.key, in: store, notes: notes, earlier: nil)
    let grown = GrownMembers(of: action, in: store, notes: notes) { trace.hasSaved() }
    let isResumed = Mutex(false)
    let last = Mutex<ContinuousClock.Instant?>(nil)
    let watcher = ActionWatcher(
      threads: order.threads, graphics: graphics, notes: notes,
      report: { [ticket] progress in
        let isDue = last.withLock { last in
          if let last, ContinuousClock.now - last < TicketExecution.pause { return false }
          last = .now
          return true
        }
        if isDue { ticket.report(progress) }
      },
      resume: {
        let folder = saved.resume(action.key, isPlaced: action.resumes)
        if folder != nil {
          isResumed.withLock { $0 = true }
          trace.resume()
        }
        return folder
      },
      saved: {
        if attempt.keep($0, in: $1) { trace.hasSaved() }
      }, grown: { grown.take($0) },
      placed: { path, _ in if !grown.has(placed: path) { attempt.add(placed: path) } })
    let stopwatch = EffortWatch()
    do {
      let scratch = try Scratch(madeAt: ticket.folder, keeping: ActionTicket.names, files: files)
      let result = try await runner.run(action, watcher, in: scratch)
      await grown.finish()
      store.sealSegment()
      for output in result.outputs { try files.synchronise(output.path) }
      if action.usesGraphics, let facts = self.graphics.facts() { notes.add(graphics: facts.json) }
      let own = stopwatch.effort(of: action, notes)
      notes.add(trace.total.map { $0.adding(Effort(host: own.host)) } ?? own)
      try ticket.write(.made(result.outputs, isResumed: isResumed.withLock { $0 }), notes, by: job)
      return true
    } catch {
      await grown.finish()
      trace.end()
      store.sealSegment()
      let reason = (error as? ActionFailure)?.error ?? error
      // A signal may have reached the command before it was noticed here.
      if !Task.isCancelled { try? await Task.sleep(for: .milliseconds(200)) }
      if reason is CancellationError || Task.isCancelled {
        try ticket.write(.told(hasSaved: attempt.hasSaved || grown.hasKept), notes, by: job)
      } else {
        try ticket.write(.failed(PipelineError(wrapping: reason).failure), notes, by: job)
      }
      return false
    }
  }

  /// - Returns: nil if the job was told to end while it waited.
  private func graphics(for action: Action, of runner: LocalRunner) async throws -> GraphicsShare? {
    let hasTold = Mutex(false)
    let graphics = await runner.graphics(for: action, while: { true }) { [ticket] in
      hasTold.withLock { $0 = true }
      ticket.report(OperationContext.Progress(fraction: nil, text: GraphicsShare.waits))
    }
    if hasTold.withLock({ $0 }) { try ticket.clear() }
    return graphics
  }
}
