import Glibc
import Synchronization

/// A program that is started, waited for, and ended when the task is cancelled.
///
/// Each has a thread of its own that starts it and waits for it. The kernel tells a child of its parent's death
/// (`PR_SET_PDEATHSIG`) when the thread that started it ends, so this thread has to live as long as the child.
package struct ChildProcess: Sendable {
  /// The program's path and what stands behind it.
  let arguments: [String]
  let environment: [String: String]
  let folder: String
  let streams: Streams
  /// Whose tokens it may take.
  let jobServer: JobServer?
  /// How long a child that is asked to end may take before it is ended.
  let patience: Duration
  let limits: Limits?

  package init(
    arguments: [String], environment: [String: String], folder: String, streams: Streams,
    jobServer: JobServer? = nil, patience: Duration = .seconds(2), limits: Limits? = nil
  ) {
    self.arguments = arguments
    self.environment = environment
    self.folder = folder
    self.streams = streams
    self.jobServer = jobServer
    self.patience = patience
    self.limits = limits
  }

  /// How long it may take, and what it is granted before it is killed.
  package struct Limits: Sendable {
    /// Nil for as long as it wants.
    let time: Duration?
    /// How long it has to save what it has done, once its time is over or this process is to end soon (`Preemption`).
    let grace: Duration
    /// What the scheduler leaves it of that in the latter case; nil where that is for nobody to say.
    let notice: Notice?
    /// Whether the program itself does nothing but hold those below it together.
    let isHolder: Bool
    /// Called when one of its ends is near.
    let foresee: @Sendable (Foreseen) -> Void

    package init(
      time: Duration?, grace: Duration, notice: Notice? = nil, isHolder: Bool,
      foresee: @escaping @Sendable (Foreseen) -> Void = { _ in }
    ) {
      self.time = time
      self.grace = grace
      self.notice = notice
      self.isHolder = isHolder
      self.foresee = foresee
    }

    /// How long it has once this process was told by a signal that it is to end soon.
    func grace(behind signal: Int32) -> Duration { notice?.grace(grace, behind: signal) ?? grace }
  }

  /// What is about to happen to a child and to what it has started.
  package enum Foreseen: Sendable, Equatable {
    /// All are told to end.
    case telling
    /// One of those that are told does something about it.
    case heard
    /// What has not ended is killed: busy if one of those that were told may be at something, and not if only those are left that were
    /// stopped or die of the signal.
    case killing(isBusy: Bool)
  }

  /// Where its standard streams lead.
  package enum Streams: Sendable {
    /// It reads what is in a file, or nothing; what it prints is added to the other one.
    case log(String, input: String? = nil)
    case pipes(FilterPipes)
  }

  /// - Throws: `CancellationError` if the task was cancelled, once the child and all its descendants are gone.
  package func run() async throws -> ProcessEnding { try await run(measured: { _ in }, exchange: {}) }

  /// - Parameter measured: called with what it took, once it has ended by itself or was ended since its time was over.
  package func run(measured: @Sendable (ProcessUsage) -> Void) async throws -> ProcessEnding {
    try await run(measured: measured, exchange: {})
  }

  /// - Parameter exchange: what the child's thread does while the child runs; it ends when the child does.
  func run(
    measured: @Sendable (ProcessUsage) -> Void, exchange: @escaping @Sendable () -> Void
  ) async throws -> ProcessEnding {
    let child = RunningChild()
    defer { child.endGroup() }
    let timer = limits.flatMap { limits in
      limits.time.map { time in
        Task(executorPreference: TaskThreads.shared) {
          try await Task.sleep(for: time)
          child.expire()
          await child.windDown(
            SIGTERM, within: limits.grace, isHolder: limits.isHolder, foresee: limits.foresee)
        }
      }
    }
    defer { timer?.cancel() }
    let ending = try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        inThread {
          do throws(Failure) {
            try child.start { () throws(Failure) in try spawn() }
            exchange()
            continuation.resume(returning: child.wait())
          } catch {
            continuation.resume(throwing: error)
          }
        }
      }
    } onCancel: {
      let signal = limits == nil ? nil : Preemption.signal
      let time = signal.flatMap { limits?.grace(behind: $0) } ?? patience
      Task(executorPreference: TaskThreads.shared) {
        await child.windDown(
          signal ?? SIGTERM, within: time, isHolder: limits?.isHolder ?? false,
          foresee: limits?.foresee ?? { _ in })
      }
    }
    try Task.checkCancellation()
    child.usage.map(measured)
    return child.hasExpired ? .overdue : ending
  }

  /// The same for who cannot be suspended: this thread waits.
  ///
  /// - Parameter limit: how long it may take.
  /// - Returns: nil if it took longer, and was ended.
  func wait(
    atMost limit: Duration, exchange: @escaping @Sendable () -> Void
  ) throws(Failure) -> ProcessEnding? {
    guard let (reader, writer) = OpenFile.pipe() else { throw Failure.system("make a pipe to", arguments[0]) }
    let child = RunningChild()
    final class Shared: Sendable {
      let outcome = Mutex<Result<ProcessEnding, Failure>?>(nil)
    }
    let shared = Shared()
    inThread {
      do throws(Failure) {
        try child.start { () throws(Failure) in try spawn() }
        exchange()
        let ending = child.wait()
        shared.outcome.withLock { $0 = .success(ending) }
      } catch {
        shared.outcome.withLock { $0 = .failure(error) }
      }
      var byte: UInt8 = 0
      // Both ends are open here, so that it never writes to nobody.
      withExtendedLifetime(reader) { _ = write(writer.number, &byte, 1) }
    }
    var sign = pollfd(fd: reader.number, events: Int16(POLLIN), revents: 0)
    let deadline = SuspendingClock.now + limit
    while true {
      let left = max(.zero, deadline - SuspendingClock.now)
      let ready = poll(&sign, 1, Int32(clamping: 1 + Int64(left / .milliseconds(1))))
      if ready > 0 { break }
      if left > .zero { continue }
      child.endAtOnce()
      return nil
    }
    child.endGroup()
    return try shared.outcome.withLock { $0 }!.get()
  }

  /// Starts it, and waits for its end when this thread has done what it does meanwhile. Nothing but its streams ties the child to this
  /// process: it is for programs that end with their input.
  ///
  /// - Parameter body: where it throws, the child and what it started are ended.
  func run<Result>(during body: () throws -> Result) throws -> (ending: ProcessEnding, result: Result) {
    let child = RunningChild()
    try child.start { () throws(Failure) in try spawn() }
    defer { child.endGroup() }
    do {
      let result = try body()
      return (child.wait(), result)
    } catch {
      child.endAtOnce()
      _ = child.wait()
      throw error
    }
  }

  private typealias AddCloseFrom =
    @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
  /// As the one below.
  private static let addCloseFrom = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
    unsafeBitCast($0, to: AddCloseFrom.self)
  }

  private typealias AddFolder =
    @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> Int32
  /// Swift's view of the C library leaves it out.
  private static let addFolder = dlsym(nil, "posix_spawn_file_actions_addchdir_np").map {
    unsafeBitCast($0, to: AddFolder.self)
  }

  private func spawn() throws(Failure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    switch streams {
    case .log(let file, let input):
      posix_spawn_file_actions_addopen(&actions, 0, input ?? "/dev/null", O_RDONLY, 0)
      posix_spawn_file_actions_addopen(&actions, 1, file, O_WRONLY | O_CREAT | O_APPEND, 0o644)
      posix_spawn_file_actions_adddup2(&actions, 1, 2)
    case .pipes(let pipes):
      for (number, end) in pipes.childEnds.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, end.number, Int32(number))
      }
    }
    // Whoever waits for a pipe of this process to be closed would wait for the child.
    if let jobServer, jobServer.isOffered {
      addOffer(of: jobServer, to: &actions)
    } else {
      _ = ChildProcess.addCloseFrom?(&actions, 3)
    }
    guard ChildProcess.addFolder?(&actions, folder) == 0 else {
      throw Failure(.system, "this system cannot start a program in another folder")
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // What this process ignores or blocks is no business of its children.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    sigdelset(&signals, SIGKILL)
    sigdelset(&signals, SIGSTOP)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var process: pid_t = 0
    let variables = environment.map { "\($0)=\($1)" }.sorted()
    let code = withStrings(arguments) { arguments in
      withStrings(variables) { posix_spawn(&process, arguments[0]!, &actions, &attributes, arguments, $0) }
    }
    if code != 0 {
      errno = code
      throw Failure.system("start", arguments[0])
    }
    return process
  }
}

extension ChildProcess {
  /// Both ends go the way over the lowest numbers, above which everything is closed.
  private func addOffer(of server: JobServer, to actions: inout posix_spawn_file_actions_t) {
    let numbers = JobServer.offeredNumbers
    posix_spawn_file_actions_adddup2(&actions, server.offered.read.number, 3)
    posix_spawn_file_actions_adddup2(&actions, server.offered.write.number, 4)
    _ = ChildProcess.addCloseFrom?(&actions, 5)
    posix_spawn_file_actions_adddup2(&actions, 3, numbers.read)
    posix_spawn_file_actions_adddup2(&actions, 4, numbers.write)
    posix_spawn_file_actions_addclose(&actions, 3)
    posix_spawn_file_actions_addclose(&actions, 4)
  }
}

/// Runs a closure in a new thread, which ends with it.
private func inThread(_ body: @escaping @Sendable () -> Void) {
  final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  pthread_attr_setstacksize(&attributes, 512 << 10)
  var thread = pthread_t()
  let box = Unmanaged.passRetained(Box(body))
  let code = pthread_create(
    &thread, &attributes,
    { raw in
      Unmanaged<Box>.fromOpaque(raw!).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  pthread_attr_destroy(&attributes)
  if code != 0 {
    // Too many threads: this one waits instead.
    box.takeRetainedValue().body()
  }
}

private func withStrings<Result>(
  _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = strings.map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
}
