public import Artefacts

/// The container image whose file system a command has in place of the machine's.
public struct CommandImage: Sendable, Hashable {
  /// The digest of its configuration, which says what all of its layers are: part of the key.
  public let id: Digest
  /// Where it is saved. It may be saved elsewhere and otherwise tomorrow, which makes no difference.
  public let saved: ActionInput.Member

  public init(id: Digest, saved: ActionInput.Member) {
    self.id = id
    self.saved = saved
  }
}
