import Synchronization

/// What a watch over the members of an instance is told of it while it runs.
final class Growth: Sendable {
  private let end = GiveUp()
  private let attempts = Atomic(0)

  /// Whether nobody wants to know any more.
  var isOver: Bool { end.isSet }
  func finish() { end.set() }

  /// How often it has begun anew.
  var attempt: Int { attempts.load(ordering: .relaxed) }

  /// It begins anew: what is kept by now is not what it makes.
  func beginAnew() { _ = attempts.add(1, ordering: .relaxed) }
}
