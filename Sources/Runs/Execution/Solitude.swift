import Synchronization

/// Tells which of the actions that this process executes were beside no other from their beginning to their end: what the process took
/// meanwhile, they took.
final class Solitude: Sendable {
  private struct State {
    var next = 0
    /// Those that have begun and not ended; whether each of them has been alone until now.
    var isAlone: [Int: Bool] = [:]
  }
  private let state = Mutex(State())

  /// One begins.
  ///
  /// - Returns: what stands for it.
  func begin() -> Int {
    state.withLock { state in
      let isFirst = state.isAlone.isEmpty
      for other in state.isAlone.keys { state.isAlone[other] = false }
      state.next += 1
      state.isAlone[state.next] = isFirst
      return state.next
    }
  }

  func isAlone(_ action: Int) -> Bool { state.withLock { $0.isAlone[action] == true } }

  func end(_ action: Int) { state.withLock { $0.isAlone[action] = nil } }
}
