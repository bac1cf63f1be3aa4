public import Artefacts

/// An artefact of a store.
public struct StoredContent: Content {
  public let isFolder: Bool
  public let digest: Digest?
  private let store: Store
  private let name: Digest

  public init(_ digest: Digest, in store: Store) throws {
    self.init(digest, isFolder: try store.artefact(digest).kind == .tree, in: store)
  }

  private init(_ digest: Digest, isFolder: Bool, in store: Store) {
    self.isFolder = isFolder
    self.digest = digest
    self.store = store
    name = digest
  }

  public func open() throws -> any ByteSource { StoredBytes(object: try store.object(name)) }

  public func entries() throws -> [ContentEntry] {
    try store.tree(name).entries.map { entry in
      ContentEntry(
        name: entry.name, isExecutable: entry.mode == .executable,
        content: StoredContent(entry.digest, isFolder: entry.mode == .tree, in: store))
    }
  }
}

private struct StoredBytes: ByteSource {
  let object: StoredObject

  var size: Int { object.size }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    try object.read(into: buffer, at: offset)
  }
}
