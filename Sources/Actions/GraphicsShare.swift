import Synchronization

/// The graphics processors that an action has for itself, until this is let go of.
public final class GraphicsShare: Sendable {
  /// What its command finds in its environment.
  public let variables: [String: String]
  /// What is worth a line about how it was handed out; nil if nothing is.
  public let remark: String?
  private let giveBack: @Sendable () -> Void
  private let isGivenBack = Atomic(false)

  /// - Parameter giveBack: called once, when nobody has this any more.
  public init(
    variables: [String: String] = [:], remark: String? = nil, giveBack: @escaping @Sendable () -> Void = {}
  ) {
    self.variables = variables
    self.remark = remark
    self.giveBack = giveBack
  }

  deinit { release() }

  /// Lets others have them, whoever still has this.
  public func release() { if !isGivenBack.exchange(true, ordering: .relaxed) { giveBack() } }

  /// What is said of an action that waits for one.
  public static let waits = "waits for graphics processors that others have"
}
