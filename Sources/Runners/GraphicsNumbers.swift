import Synchronization
import System

/// Hands out graphics processors: what runs at once gets different ones.
final class GraphicsNumbers: Sendable {
  let all: [String]
  private let free: Mutex<[String]>

  init(_ names: [String] = Graphics.names) {
    all = names
    free = Mutex(names)
  }

  /// Some that nobody has, the first of the list first.
  ///
  /// - Parameter count: nil for a stage that does not say how many it uses.
  /// - Returns: nil if there is nothing to be said. Whoever asks for more than there are free, such as a stage that wants more than
  ///   the machine has and so runs alone, gets what there is.
  func take(_ count: Int?) -> Share? {
    guard let count, !all.isEmpty else { return nil }
    return free.withLock { free in
      let taken = Array(free.prefix(max(0, count)))
      free.removeFirst(taken.count)
      return Share(names: taken, of: self)
    }
  }

  /// What one action has, until this is let go of.
  final class Share: Sendable {
    let names: [String]
    private let owner: GraphicsNumbers

    fileprivate init(names: [String], of owner: GraphicsNumbers) {
      self.names = names
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
