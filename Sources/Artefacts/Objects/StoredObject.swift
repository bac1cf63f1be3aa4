internal import Synchronization
internal import System

/// An object of a store, open for reading at any place without decoding what stands before it.
///
/// What is read has passed the checksums of its frames. That all of it has the object's digest is proven by reading all of
/// it, as `Store.stream` does, and not here.
public final class StoredObject: Sendable {
  public let digest: Digest
  /// Logical bytes.
  public let size: Int

  private let source: Source

  private enum Source: Sendable {
    case file(ChunkedObject)
    /// It is small, and was read as a whole.
    case memory([UInt8])
  }

  init(_ digest: Digest, in store: Store) throws {
    self.digest = digest
    if let file = try store.openLooseObject(digest) {
      let object = try ChunkedObject(digest, file, in: store)
      size = object.size
      source = .file(object)
    } else {
      let bytes = try store.bytes(of: digest)
      size = bytes.count
      source = .memory(bytes)
    }
  }

  /// Fills the buffer with the bytes from a place on.
  /// - Precondition: there are as many.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    precondition(offset >= 0 && offset + buffer.count <= size, "there are no such bytes")
    if buffer.isEmpty { return }
    switch source {
    case .file(let object): try object.read(into: buffer, at: offset)
    case .memory(let bytes):
      bytes.withUnsafeBytes {
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
      }
    }
  }
}

/// An object file that is open for reading at any place.
private final class ChunkedObject: Sendable {
  private let digest: Digest
  private let store: Store
  private let status: FileStatus
  private let object: CodedObject
  private let worker: Mutex<ChunkWorker>

  var size: Int { object.size }

  init(_ digest: Digest, _ file: consuming InputFile, in store: Store) throws {
    self.digest = digest
    self.store = store
    let status = file.status
    self.status = status
    worker = Mutex(ChunkWorker(ChunkCoder()))
    do { object = try CodedObject(ObjectFile(file, as: digest), bases: store.bases) } catch let damage
      as Damage
    {
      throw store.quarantine(digest, status, damage.reason)
    } catch let loss as LostBase {
      throw loss.failure(of: digest, in: store.root)
    }
  }

  /// Fills the buffer, which is not empty, with the bytes from a place on.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    try worker.withLock { worker in
      do { try object.read(into: buffer, at: offset, by: worker) } catch let damage as Damage {
        throw store.quarantine(digest, status, damage.reason)
      } catch let loss as LostBase {
        throw loss.failure(of: digest, in: store.root)
      }
    }
  }
}

extension Store {
  /// Opens an object for reading at any place.
  public func object(_ digest: Digest) throws -> StoredObject { try StoredObject(digest, in: self) }
}
