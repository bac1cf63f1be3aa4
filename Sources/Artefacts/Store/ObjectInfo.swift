/// What `show` prints of an object, and of everything that it names if it is a tree.
public struct ObjectInfo: Sendable {
  public let artefact: Artefact
  /// Bytes of the object files, each counted once.
  public let storedBytes: Int
  /// Codec name to number of chunks.
  public let codecs: [String: Int]

  public var logicalBytes: Int { artefact.size }
}
