
// SKELETON: the signatures that the other modules build on; bodies follow.

public final class Store: Sendable {
  public let root: String

  /// Opens the store in a folder, and makes it where there is none.
  public init(at root: String) throws(ArtefactError) { self.root = root }

  // Reading. Every one of these verifies the digest.

  /// Whether an object of this name is there (its bytes are not looked at).
  public func contains(_ digest: Digest) -> Bool { fatalError() }
  /// The bytes of a blob (or a tree's manifest), at most `limit` of them.
  public func bytes(of digest: Digest, limit: Int = 1 << 30) throws -> [UInt8] { fatalError() }
  /// Hands out the bytes in pieces, in order. The digest is known to be right only once this returns.
  public func stream(_ digest: Digest, _ body: (UnsafeRawBufferPointer) throws -> Void) throws { fatalError() }
  /// Writes a blob as a file or a tree as a folder; complete under its name, or not there.
  public func restore(_ digest: Digest, to path: String) throws { fatalError() }
  /// Kind, sizes, codecs.
  public func artefact(_ digest: Digest) throws -> Artefact { fatalError() }
  public func verify(_ digest: Digest) throws { fatalError() }
  /// The digest that starts with these eight or more hexadecimal digits (with or without `sha256:`).
  public func resolve(_ prefix: String) throws -> Digest { fatalError() }

  public func temporaryFolder() throws -> String { fatalError() }
  // Records.

  public func record(_ key: Digest) throws -> Record? { fatalError() }
  /// All records, for `why`, `provenance` and `ls`; damaged ones are reported, not returned.
  public func records(damaged: (ArtefactError) -> Void) throws -> [Record] { fatalError() }

  // Publishing.

  /// Starts a batch: nothing of it is visible before `commit`, everything is durable after it.
  public func publication() -> Publication { fatalError() }
}

/// Objects and records on their way into the store. Not shared between threads; many may be open at once.
public final class Publication: @unchecked Sendable {
  init() {}
  /// A file (blob) or folder (tree) from outside the store, streamed.
  public func add(path: String) throws -> Artefact { fatalError() }
  public func add(bytes: [UInt8]) throws -> Artefact { fatalError() }
  public func add(record: Record) throws { fatalError() }
  /// Makes everything durable and visible, records after objects.
  public func commit() throws { fatalError() }
  /// Removes what was written. Also done when a publication is dropped without commit.
  public func abandon() { fatalError() }
  /// Commits several at once, with the cost of one.
  public static func commit(_ publications: [Publication]) throws { fatalError() }
}

/// Digests of source files, remembered by device, inode, size, mtime and ctime.
public final class StatCache: Sendable {
  /// Reads what the store's `index/` remembers. Anything malformed there is forgotten.
  public init(store: Store) {}
  /// The artefact that a file or folder is now. Does not store it.
  public func artefact(at path: String) throws -> Artefact { fatalError() }
  /// Writes back what was learnt.
  public func save() throws { fatalError() }
}
