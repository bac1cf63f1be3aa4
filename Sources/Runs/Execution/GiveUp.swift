import Synchronization

/// Tells tasks that wait for other processes that there is no more use in it.
final class GiveUp: Sendable {
  private let flag = Atomic(false)

  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}
