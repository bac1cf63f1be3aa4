import Synchronization

/// Remarks about an action that are no errors, collected while it runs.
public final class ActionNotes: Sendable {
  private let texts = Mutex<[String]>([])

  public init() {}

  public func add(_ text: String) { texts.withLock { $0.append(text) } }
  public var all: [String] { texts.withLock { $0 } }
}
