import Dispatch
import Glibc
import Synchronization
import System

/// A signal asked the command to end.
struct Interruption: Error, CustomStringConvertible {
  let signal: Int32

  var description: String { "interrupted (\(String(cString: strsignal(signal))))" }

  /// Runs the body, and cancels it on SIGINT, SIGTERM, SIGHUP or SIGUSR1. With SIGTERM and SIGUSR1 schedulers say that a job is
  /// to end soon: stages that run get them, too, and have some time to save what they have done.
  ///
  /// - Throws: an `Interruption` once the cancelled body has ended. A second signal of the same kind ends the process at once, unless
  ///   it comes with the first: `timeout` sends one to the process, and the same to its group.
  static func cancelling<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let signals = received()
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await body() }
      group.addTask {
        for await signal in signals {
          if signal == SIGTERM || signal == SIGUSR1 { Preemption.note(signal) }
          throw Interruption(signal: signal)
        }
        return nil
      }
      while let value = try await group.next() {
        if let value { return value }
      }
      throw CancellationError()
    }
  }

  /// Where the signal handler writes to; it may do little else.
  private static let wire = Atomic<Int32>(-1)

  private static func received() -> AsyncStream<Int32> {
    AsyncStream { continuation in
      var ends: [Int32] = [-1, -1]
      guard pipe(&ends) == 0 else { return continuation.finish() }
      for end in ends {
        _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        _ = fcntl(end, F_SETFL, O_NONBLOCK)
      }
      wire.store(ends[1], ordering: .sequentiallyConsistent)
      let source = DispatchSource.makeReadSource(fileDescriptor: ends[0])
      // The handler is what keeps the source alive.
      source.setEventHandler {
        var signal: UInt8 = 0
        if read(Int32(source.handle), &signal, 1) == 1 { continuation.yield(Int32(signal)) }
      }
      source.activate()
      firsts.update(repeating: 0, count: signalCount)
      for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] { handle(signal) }
      // A reader of our output who has gone away must not end us while children run. Children do not inherit handlers.
      handle(SIGPIPE)
    }
  }

  /// When the first signal of each number came, in nanoseconds; 0 if none has. For the signal handler.
  nonisolated(unsafe) private static let firsts: UnsafeMutablePointer<Int64> = {
    let times = UnsafeMutablePointer<Int64>.allocate(capacity: signalCount)
    times.initialize(repeating: 0, count: signalCount)
    return times
  }()
  private static let signalCount = 65
  /// Signals that come closer together are one, in nanoseconds.
  private static let together: Int64 = 100_000_000

  /// - Returns: whether a signal is the first of its number. A later one ends the process, unless it came with the first.
  private static func isFirst(_ signal: Int32) -> Bool {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    let first = firsts[Int(signal)]
    if first == 0 {
      firsts[Int(signal)] = now
      return true
    }
    if now - first > together {
      Glibc.signal(signal, SIG_DFL)
      raise(signal)
    }
    return false
  }

  private static func handle(_ signal: Int32) {
    var action = sigaction()
    // What was ignored when brake was started, as by nohup, stays ignored.
    let present = sigaction(signal, nil, &action)
    if present == 0 && address(action.__sigaction_handler.sa_handler) == address(SIG_IGN) { return }
    action = sigaction()
    action.sa_flags = SA_RESTART
    action.__sigaction_handler.sa_handler = { signal in
      if signal == SIGPIPE { return }
      let error = errno
      defer { errno = error }
      guard Interruption.isFirst(signal) else { return }
      var number = UInt8(signal)
      _ = write(Interruption.wire.load(ordering: .sequentiallyConsistent), &number, 1)
    }
    sigaction(signal, &action, nil)
  }

  private static func address(_ handler: (@convention(c) (Int32) -> Void)?) -> Int {
    unsafeBitCast(handler, to: Int.self)
  }
}
