import Artefacts
import System

/// Bytes on their way, of which the digest is made, and of which there may be no more than a limit.
final class HashedBytes: ByteStream {
  private let source: any ByteStream
  private var hasher = DigestHasher()
  private(set) var count = 0
  private let limit: Int

  init(_ source: any ByteStream, limit: Int = .max) {
    self.source = source
    self.limit = limit
  }

  /// - Throws: also `CancellationError`: an image is large.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    try Task.checkCancellation()
    let read = try source.read(into: buffer)
    count += read
    guard count <= limit else {
      throw ImageFault.refused("layers that become far more than the bytes that they take")
    }
    hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<read]))
    return read
  }

  /// The digest of all bytes, also of those that nobody has wanted.
  func finish() throws -> Digest {
    _ = try skip(.max)
    return hasher.finalize()
  }
}
