/// A keyed output of an instance.
public struct KeyedOutput: Sendable, Hashable {
  public let instance: String
  public let output: String

  public init(instance: String, output: String) {
    self.instance = instance
    self.output = output
  }
}
