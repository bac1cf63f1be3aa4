import Synchronization
import System

/// Hands out graphics processors: what runs at once gets different ones, also from other brakes of this user.
final class GraphicsNumbers: Sendable {
  let all: [String]
  private let locks: GraphicsLocks
  private let free: Mutex<[String]>

  init(_ names: [String] = Graphics.names, locks: GraphicsLocks = .own) {
    all = names
    self.locks = locks
    free = Mutex(names)
  }

  /// Some that nobody has, the first of the list first. Waits for those that other brakes have.
  ///
  /// - Parameters:
  ///   - count: nil for a stage that does not say how many it uses.
  ///   - tell: called before it waits.
  /// - Returns: nil if there is nothing to be said. Whoever asks for more than there are free, such as a stage that wants more than
  ///   the machine has and so runs alone, gets what there is.
  func take(_ count: Int?, tell: () -> Void = {}) async throws -> Share? {
    guard let count, !all.isEmpty else { return nil }
    var isTold = false
    while true {
      if let share = takeAtOnce(max(0, count)) { return share }
      if !isTold { tell() }
      isTold = true
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  /// All or none: of two that each had a part of what both want, neither could go on.
  private func takeAtOnce(_ count: Int) -> Share? {
    free.withLock { free in
      let count = min(count, free.count)
      var taken: [(name: String, lock: GraphicsLocks.Lock)] = []
      for name in free where taken.count < count {
        if let lock = locks.take(name) { taken.append((name, lock)) }
      }
      if taken.count < count { return nil }
      let names = taken.map(\.name)
      free.removeAll { names.contains($0) }
      return Share(names: names, locks: taken.map(\.lock), of: self)
    }
  }

  /// What one action has, until this is let go of.
  final class Share: Sendable {
    let names: [String]
    private let locks: [GraphicsLocks.Lock]
    private let owner: GraphicsNumbers

    fileprivate init(names: [String], locks: [GraphicsLocks.Lock], of owner: GraphicsNumbers) {
      self.names = names
      self.locks = locks
      self.owner = owner
    }

    /// The value of `CUDA_VISIBLE_DEVICES`.
    var variable: String { names.joined(separator: ",") }

    deinit {
      owner.free.withLock { free in
        let all = Set(free).union(names)
        free = owner.all.filter(all.contains)
      }
    }
  }
}
