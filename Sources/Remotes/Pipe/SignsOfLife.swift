import Synchronization

/// Tells the other end every few seconds that one is at it, so that it does not give up waiting: a large object takes minutes to be
/// checked, put together or made durable.
final class SignsOfLife: Sendable {
  private let wire: Wire
  private let isOver = Mutex(false)

  init(_ wire: Wire) { self.wire = wire }

  /// - Parameter body: sends nothing over the wire before it has called `end`.
  func during<Result>(every interval: Duration, _ body: () async throws -> Result) async rethrows -> Result {
    let giving = Task.detached { [self] in
      while (try? await Task.sleep(for: interval)) != nil, give() {}
    }
    defer {
      giving.cancel()
      end()
    }
    return try await body()
  }

  /// - Returns: whether there may be more.
  @discardableResult func give() -> Bool {
    isOver.withLock { isOver in
      if isOver { return false }
      do {
        try wire.send(Wire.isAlive)
        try wire.flush()
      } catch {
        // That the other end has gone is noticed by who sends the answer.
        isOver = true
      }
      return !isOver
    }
  }

  /// Gives no more of them.
  func end() { isOver.withLock { $0 = true } }
}
