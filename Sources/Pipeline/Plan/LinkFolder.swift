/// A folder in the workspace into which each link of a chain publishes its member of one output, and nothing else does. What an
/// earlier chain with other links has left there is for the end of the chain to take away: it alone knows all of them.
public struct LinkFolder: Sendable, Hashable {
  /// Relative to the pipeline's root.
  public let path: String
  /// The names of the members' files.
  public let names: Set<String>

  public init(path: String, names: Set<String>) {
    self.path = path
    self.names = names
  }
}
