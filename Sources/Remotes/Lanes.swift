/// Does many things that wait for another machine, so many at once.
enum Lanes {
  /// Calls `body` for every item, on threads that may block. The first error ends it, once those that have begun are done.
  static func run<Item: Sendable>(
    _ lanes: Int, _ items: [Item], _ body: @escaping @Sendable (Item) async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(LaneThreads.shared) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        var rest = items.makeIterator()
        for _ in 0..<min(lanes, items.count) {
          if let item = rest.next() { group.addTask { try await body(item) } }
        }
        while try await group.next() != nil {
          try Task.checkCancellation()
          if let item = rest.next() { group.addTask { try await body(item) } }
        }
      }
    }
  }
}
