public import Artefacts

/// An input of an action: one artefact, or several with keys.
public struct ActionInput: Sendable, Hashable {
  public struct Member: Sendable, Hashable {
    public let key: String?
    public let artefact: Artefact
    public let origin: Origin
    /// Where a command finds it, relative to its folder.
    public let place: String
    /// Of a command's input: whether it is a file that can be executed.
    public let isExecutable: Bool

    public init(key: String?, artefact: Artefact, origin: Origin, place: String, isExecutable: Bool) {
      self.key = key
      self.artefact = artefact
      self.origin = origin
      self.place = place
      self.isExecutable = isExecutable
    }
  }

  /// Where the bytes are.
  public enum Origin: Sendable, Hashable {
    case store
    /// A file or folder of the workspace: its path as the pipeline names it, and where that is.
    case workspace(name: String, path: String)
  }

  public let name: String
  public let members: [Member]
  /// Whether it is a list of artefacts with keys, even if it has only one.
  public let isCollection: Bool

  public init(name: String, members: [Member], isCollection: Bool) {
    self.name = name
    self.members = members
    self.isCollection = isCollection
  }
}
