internal import System

/// Where objects come from: the store of this machine, or another place that keeps the same objects under the same names.
///
/// Questions are asked in batches, since each may cost a way to another machine. Whoever answers need not be believed: what
/// is read is checked against its digest.
public protocol ObjectSource: Sendable {
  /// Those of some objects that are there. Their bytes are not looked at.
  func present(among digests: [Digest]) async throws -> Set<Digest>
  /// Hands out the bytes of an object in pieces, in order. They are known to be right only once this returns.
  /// - Throws: a `Failure` that names the `object` if it is not there, damaged, or cannot be read.
  func read(_ digest: Digest, _ body: (UnsafeRawBufferPointer) throws -> Void) async throws
  /// Brings objects into a publication of another store, each checked byte by byte.
  /// - Returns: those that could not be had, and why: they are not there, damaged, or nobody answers.
  func copy(_ objects: [WantedObject], to publication: Publication) async throws -> [Digest: any Error]
}

/// An object that is to come from elsewhere.
public struct WantedObject: Hashable, Sendable {
  public let digest: Digest
  /// Its bytes; nil where nobody knows.
  public let size: Int?

  public init(_ digest: Digest, size: Int?) {
    self.digest = digest
    self.size = size
  }
}

/// Where records of actions come from.
public protocol RecordSource: Sendable {
  /// The records of those actions that have one, by key. One that is damaged or not believed is as if it were not there.
  func records(for keys: [Digest]) async throws -> [Digest: Record]
  /// The signatures of records, of those that have some. Nothing of them is proven.
  func signatures(for keys: [Digest]) async throws -> [Digest: RecordSignatures]
  /// What people call it; nil for none.
  var place: String? { get }
}

extension RecordSource {
  public func signatures(for keys: [Digest]) async throws -> [Digest: RecordSignatures] { [:] }
  public var place: String? { nil }
}

extension ObjectSource {
  /// One after the other, through `read`.
  public func copy(
    _ objects: [WantedObject], to publication: Publication
  ) async throws -> [Digest: any Error] {
    var failures: [Digest: any Error] = [:]
    for object in objects {
      try Task.checkCancellation()
      do { try await publication.add(object, from: self) } catch let error as CancellationError {
        throw error
      } catch {
        failures[object.digest] = error
      }
    }
    return failures
  }

  /// The entries of a tree.
  /// - Throws: `.refused` for what is no tree.
  func entries(ofTree digest: Digest) async throws -> Tree {
    var bytes: [UInt8] = []
    try await read(digest) { piece in
      guard bytes.count + piece.count <= Tree.manifestLimit else {
        throw Failure(.refused, "\(digest) is larger than the manifest of any tree")
      }
      bytes += piece
    }
    return try Tree(digest, manifest: bytes)
  }
}

extension Store: ObjectSource, RecordSource {
  public func signatures(for keys: [Digest]) async throws -> [Digest: RecordSignatures] {
    var all: [Digest: RecordSignatures] = [:]
    for key in keys { all[key] = (try? signatures(of: key)) ?? nil }
    return all
  }

  public func present(among digests: [Digest]) async throws -> Set<Digest> {
    var present: Set<Digest> = []
    for digest in digests where try contains(digest) { present.insert(digest) }
    return present
  }

  public func read(_ digest: Digest, _ body: (UnsafeRawBufferPointer) throws -> Void) async throws {
    try stream(digest, body)
  }

  public func records(for keys: [Digest]) async throws -> [Digest: Record] {
    var records: [Digest: Record] = [:]
    for key in keys {
      do {
        if let record = try record(key) { records[key] = record }
      } catch let error as Failure where error.code == .damaged || error.code == .refused {}
    }
    return records
  }
}
