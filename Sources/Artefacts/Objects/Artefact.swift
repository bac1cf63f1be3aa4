/// Immutable bytes (a blob) or a directory (a tree), named by digest.
public struct Artefact: Hashable, Sendable {
  public enum Kind: String, Sendable { case blob, tree }

  public let digest: Digest
  public let kind: Kind
  /// Logical bytes: of the blob, or of all files under the tree.
  public let size: Int

  public init(digest: Digest, kind: Kind, size: Int) {
    self.digest = digest
    self.kind = kind
    self.size = size
  }
}
