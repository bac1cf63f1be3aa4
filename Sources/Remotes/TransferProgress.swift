import Synchronization

/// How far a transfer is, for a display that looks at it now and then.
public final class TransferProgress: Sendable {
  private let bytesDone = Atomic<Int>(0)
  private let objectsDone = Atomic<Int>(0)
  private let objectsWanted = Atomic<Int>(0)

  public init() {}

  /// Bytes that have come or gone, as they are kept.
  public var bytes: Int { bytesDone.load(ordering: .relaxed) }
  public var objects: Int { objectsDone.load(ordering: .relaxed) }
  /// As far as is known until now.
  public var total: Int { objectsWanted.load(ordering: .relaxed) }

  func expect(_ count: Int) { objectsWanted.wrappingAdd(count, ordering: .relaxed) }
  func objectsAreDone(_ count: Int) { objectsDone.wrappingAdd(count, ordering: .relaxed) }
  /// - Parameter count: negative for bytes that come again.
  @Sendable func bytesHaveCome(_ count: Int) { bytesDone.wrappingAdd(count, ordering: .relaxed) }
}
