/// The graphics processors that an action has for itself, until this is let go of.
public final class GraphicsShare: Sendable {
  /// What its command finds in its environment.
  public let variables: [String: String]
  private let giveBack: @Sendable () -> Void

  /// - Parameter giveBack: called when nobody has this any more.
  public init(variables: [String: String] = [:], giveBack: @escaping @Sendable () -> Void = {}) {
    self.variables = variables
    self.giveBack = giveBack
  }

  deinit { giveBack() }

  /// What is said of an action that waits for one.
  public static let waits = "waits for graphics processors that others have"
}
