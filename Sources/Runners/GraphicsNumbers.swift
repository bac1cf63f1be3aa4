import Actions
import Synchronization
import System

/// Hands out graphics processors: what runs at once gets different ones, also from other brakes of this user.
final class GraphicsNumbers: Sendable {
  let all: [String]
  private let locks: GraphicsLocks
  /// How often it is said of those that are handed out that they still are.
  private let touchPause: Duration
  private let free: Mutex<[String]>

  /// Those who wait for the turn of each.
  private typealias Turns = [String: GraphicsLocks.Lock]
  private static let pause = Duration.milliseconds(200)

  init(
    _ names: [String] = Graphics.names, locks: GraphicsLocks = .own, touchPause: Duration = .seconds(3600)
  ) {
    all = names
    self.locks = locks
    self.touchPause = touchPause
    free = Mutex(names)
  }

  /// Some that nobody has and nobody waits for, the first of the list first. Whoever asks for more than there are gets all.
  ///
  /// - Returns: nil if there are too few of them now.
  func takeAtOnce(_ count: Int) -> GraphicsShare? {
    var turns: Turns = [:]
    return take(count, &turns)
  }

  /// Waits for those that others have. The first who waits has its turn before those who come later.
  ///
  /// - Parameters:
  ///   - isWanted: asked now and then.
  ///   - tell: called once if it takes some time.
  /// - Returns: nil if they are not wanted any more, or the task was cancelled.
  func take(
    _ count: Int, while isWanted: @Sendable () -> Bool = { true }, tell: @Sendable () -> Void = {}
  ) async -> GraphicsShare? {
    var turns: Turns = [:]
    var tries = 0
    while isWanted(), !Task.isCancelled {
      if let share = take(count, &turns) { return share }
      tries += 1
      // Others look for a moment only.
      if tries == 2 { tell() }
      try? await Task.sleep(for: GraphicsNumbers.pause)
    }
    return nil
  }

  /// All or none, also of the turns: of two that each had a part of what both want, neither could go on.
  ///
  /// - Parameter turns: those that it has had since it waits, and has afterwards.
  private func take(_ count: Int, _ turns: inout Turns) -> GraphicsShare? {
    let count = min(max(0, count), all.count)
    if count == 0 { return share([], []) }
    return free.withLock { free in
      for name in all where turns[name] == nil { turns[name] = locks.takeTurn(name) }
      if turns.count < count { turns = [:] }
      var taken: [(name: String, lock: GraphicsLocks.Lock)] = []
      for name in free where taken.count < count && turns[name] != nil {
        if let lock = locks.take(name) { taken.append((name, lock)) }
      }
      if taken.count < count { return nil }
      let names = taken.map(\.name)
      free.removeAll { names.contains($0) }
      return share(names, taken.map(\.lock))
    }
  }

  private func share(_ names: [String], _ held: [GraphicsLocks.Lock]) -> GraphicsShare {
    let variables = [
      "CUDA_VISIBLE_DEVICES": names.joined(separator: ","), GraphicsLocks.variable: locks.handedOn(names),
    ]
    let fault = held.compactMap(\.fault).first
    let touching =
      held.isEmpty
      ? nil
      : Task { [touchPause] in
        while (try? await Task.sleep(for: touchPause)) != nil { for lock in held { lock.touch() } }
      }
    return GraphicsShare(
      variables: variables,
      remark: fault.map { "other brakes may hand out the same graphics processors: \($0)" }
    ) { [self] in
      touching?.cancel()
      // First, since whoever takes one of these names next asks for its lock.
      for lock in held { lock.release() }
      free.withLock { free in
        let all = Set(free).union(names)
        free = self.all.filter(all.contains)
      }
    }
  }
}
