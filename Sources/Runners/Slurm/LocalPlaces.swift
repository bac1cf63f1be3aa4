import Actions
import Synchronization
import System

/// What of a run on a cluster runs in this process: as much at once as this machine has room for, in the order in which it comes.
final class LocalPlaces: Sendable {
  private struct State {
    var capacity: Capacity
    var waiting: [(demand: Resources, continuation: CheckedContinuation<Void, Never>)] = []
  }
  private let state: Mutex<State>

  init(_ capacity: Capacity) { state = Mutex(State(capacity: capacity)) }

  func enter(_ demand: Resources) async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        if state.waiting.isEmpty, state.capacity.take(demand) { return true }
        state.waiting.append((demand, continuation))
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  func leave(_ demand: Resources) {
    let next = state.withLock { state in
      state.capacity.give(demand)
      let count = state.waiting.prefix { state.capacity.take($0.demand) }.count
      defer { state.waiting.removeFirst(count) }
      return state.waiting.prefix(count).map(\.continuation)
    }
    for continuation in next { continuation.resume() }
  }
}
