import Actions
import Artefacts

extension Schedule {
  /// Where an instance stands.
  enum State: Hashable {
    case waiting, lookingUp, fetching, queued, twin, running, elsewhere, storing, publishing, failed, skipped
    case done(hit: Bool)

    var isDone: Bool { if case .done = self { true } else { false } }
    var isLostCause: Bool { self == .failed || self == .skipped }
  }

  /// What is known of an instance.
  struct Node {
    var state = State.waiting
    var priority: Int
    var dependants: [Int] = []
    /// How many of its dependencies are not done.
    var missing = 0
    /// Whether it is known what comes of it as long as nothing that it depends on comes out otherwise than before.
    var isPresumed = false
    /// Whether it was run again because something of its own was lost.
    var isRepaired = false
    var changes = 0
    /// Whether what is being published was recorded already.
    var isRecorded = false
  }

  /// What is to run of an instance, and what that asks for.
  struct Work {
    let key: Digest
    let demand: Resources
  }
}
