internal import Synchronization
package import System

/// An object that can be read at any place without what stands before it.
///
/// What is read has passed the checksums of its frames. That all of it has the object's digest is proven by reading all of it, and not
/// here.
public protocol PartlyReadable: Sendable {
  var digest: Digest { get }
  /// Logical bytes.
  var size: Int { get }
  /// Fills the buffer with the bytes from a place on.
  /// - Precondition: there are as many.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws
}

extension StoredObject: PartlyReadable {}

/// An object that another place keeps as a file, of which no more is fetched than is read: the end of the file, which says where
/// the chunks are, and the chunks that hold what is wanted; of a difference, the same of its bases.
///
/// The place is believed as far as checksums go: that the object is called by the digest, that its chunks fill it, and that each frame is
/// what was written. Other bytes, with checksums of their own, pass for it.
public final class DistantObject: PartlyReadable {
  public let digest: Digest
  public var size: Int { object.size }

  private let place: String
  private let object: CodedObject
  private let worker: Mutex<ChunkWorker>

  /// - Parameters:
  ///   - place: what messages call it.
  ///   - store: where bases are looked for first.
  ///   - open: opens the file of an object there.
  /// - Throws: what `open` throws, `.damaged` if what is there is no such object, `.unreadable` if a base of it cannot be had.
  package init(
    _ digest: Digest, in place: String, near store: Store,
    open: @escaping @Sendable (Digest) throws -> InputFile
  ) throws {
    self.digest = digest
    self.place = place
    worker = Mutex(ChunkWorker(ChunkCoder()))
    let bases = BaseSource(
      open: { base in
        if let file = try store.openLooseObject(base) { return file }
        return try open(base)
      }, damaged: { base, _, damage in DistantObject.damaged(base, in: place, damage) })
    do { object = try CodedObject(ObjectFile(open(digest), as: digest), bases: bases) } catch let damage
      as Damage
    {
      throw DistantObject.damaged(digest, in: place, damage)
    } catch let loss as LostBase {
      throw loss.failure(of: digest, in: place)
    }
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    precondition(offset >= 0 && offset + buffer.count <= size, "there are no such bytes")
    if buffer.isEmpty { return }
    try worker.withLock { worker in
      do { try object.read(into: buffer, at: offset, by: worker) } catch let damage as Damage {
        throw DistantObject.damaged(digest, in: place, damage)
      } catch let loss as LostBase {
        throw loss.failure(of: digest, in: place)
      }
    }
  }

  private static func damaged(_ digest: Digest, in place: String, _ damage: Damage) -> Failure {
    Failure(
      .damaged, "what \(place) has as the object \(digest) is damaged: \(damage.reason)",
      hint: "ask who keeps that place, or fetch it from another one", object: digest)
  }
}
