/// Where an output is also put in the workspace.
public struct PublishRule: Sendable, Hashable {
  public let output: String
  /// Relative to the pipeline's root. A keyed output becomes a folder of this name.
  public let path: String

  public init(output: String, path: String) {
    self.output = output
    self.path = path
  }
}
