/// A file of the system that an operation reads beside its inputs, such as a font or a library of a program that it calls. Its bytes
/// are part of the key, and the name by which it is asked for; the place where it stands is not.
public struct SystemFile: Hashable, Sendable {
  public let name: String
  public let path: String

  public init(name: String, path: String) {
    self.name = name
    self.path = path
  }
}
