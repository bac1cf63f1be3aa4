public import Artefacts
public import JSON
import Synchronization

/// Remarks about an action that are no errors, collected while it runs.
public final class ActionNotes: Sendable {
  private let texts = Mutex<[String]>([])

  public init() {}

  public func add(_ text: String) { texts.withLock { $0.append(text) } }
  public var all: [String] { texts.withLock { $0 } }

  private let reason = Mutex<Record.Doubt?>(nil)

  /// Why the action may read what it does not declare, for its record; nil where it cannot.
  public var doubt: Record.Doubt? { reason.withLock { $0 } }
  public func add(_ doubt: Record.Doubt) { reason.withLock { $0 = doubt } }

  private let taken = Mutex<Effort?>(nil)

  /// What the action took, as far as whoever ran it has measured that; nil where nothing was.
  public var effort: Effort? { taken.withLock { $0 } }
  public func add(_ effort: Effort) { taken.withLock { $0 = effort } }

  private let machine = Mutex<JSON?>(nil)

  /// What is known of the graphics processors of another machine on which it ran; nil where that is nothing.
  public var graphics: JSON? { machine.withLock { $0 } }
  public func add(graphics: JSON) { machine.withLock { $0 = graphics } }
}
