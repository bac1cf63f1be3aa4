import Artefacts
import Synchronization

/// Announces an action once it has run for a moment: of one that ends sooner nobody asks.
final class Announcement: Sendable {
  private final class Slot: Sendable {
    struct State {
      var isTold = false
      var action: RunningAction?
    }
    let state = Mutex(State())
  }

  private let slot = Slot()
  private let subscription: Ticker.Subscription

  init(_ key: Digest, log: String, in store: Store) {
    let start = ContinuousClock.now
    subscription = Ticker.shared.add { [slot] in
      guard ContinuousClock.now - start > .milliseconds(50) else { return }
      slot.state.withLock { state in
        if state.isTold { return }
        state.isTold = true
        state.action = RunningAction(key, log: log, in: store)
      }
    }
  }

  deinit {
    slot.state.withLock { state in
      state.isTold = true
      state.action = nil
    }
  }
}
