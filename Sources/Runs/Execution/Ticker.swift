import Synchronization
import System

/// Calls what wants to be called every now and then, as long as there is any: one timer for all that runs at once, since most
/// of it ends before anything is due.
final class Ticker: Sendable {
  static let shared = Ticker()

  /// As long as somebody has it, what was added is called.
  final class Subscription: Sendable {
    private let number: Int

    fileprivate init(_ number: Int) { self.number = number }

    deinit { Ticker.shared.remove(number) }
  }

  private struct State {
    var next = 0
    var bodies: [Int: @Sendable () -> Void] = [:]
    var isRunning = false
  }

  private let state = Mutex(State())
  private static let pause = Duration.milliseconds(100)

  /// - Parameter body: called ten times a second, and perhaps once more while it is being removed.
  func add(_ body: @escaping @Sendable () -> Void) -> Subscription {
    let (number, isFirst) = state.withLock { state in
      state.next += 1
      state.bodies[state.next] = body
      defer { state.isRunning = true }
      return (state.next, !state.isRunning)
    }
    if isFirst { start() }
    return Subscription(number)
  }

  private func remove(_ number: Int) { state.withLock { _ = $0.bodies.removeValue(forKey: number) } }

  /// It ends when it finds nothing to call.
  private func start() {
    Task(executorPreference: TaskThreads.shared) { [self] in
      while true {
        try? await Task.sleep(for: Ticker.pause)
        let bodies = state.withLock { state in
          if state.bodies.isEmpty { state.isRunning = false }
          return Array(state.bodies.values)
        }
        if bodies.isEmpty { return }
        for body in bodies { body() }
      }
    }
  }
}
