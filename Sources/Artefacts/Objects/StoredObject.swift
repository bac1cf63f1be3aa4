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
  let size: Int

  private let digest: Digest
  private let store: Store
  private let file: InputFile
  private let chunks: [ChunkEntry]
  /// Where each chunk starts: among the logical bytes, and in the file.
  private let starts: [(logical: Int, stored: Int)]
  private let window: Mutex<Window>

  /// The chunk that was decoded last.
  private struct Window {
    let coder = ChunkCoder()
    var chunk: Int?
  }

  init(_ digest: Digest, _ file: consuming InputFile, in store: Store) throws {
    self.digest = digest
    self.store = store
    let footer: ObjectFooter
    do { footer = try ObjectFooter(of: file) } catch let damage as Damage {
      throw store.quarantine(digest, file.status, damage.reason)
    }
    self.file = file
    size = footer.size
    chunks = footer.chunks
    var starts: [(logical: Int, stored: Int)] = []
    starts.reserveCapacity(chunks.count)
    var next = (logical: 0, stored: ObjectFormat.header.count)
    for chunk in chunks {
      starts.append(next)
      next = (next.logical + chunk.length, next.stored + chunk.stored)
    }
    self.starts = starts
    window = Mutex(Window())
  }

  /// Fills the buffer, which is not empty, with the bytes from a place on.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    try window.withLock { window in
      var done = 0
      var index = chunk(at: offset)
      while done < buffer.count {
        try decode(index, &window)
        let start = offset + done - starts[index].logical
        let count = min(chunks[index].length - start, buffer.count - done)
        UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: window.coder.logical[start..<start + count]))
        done += count
        index += 1
      }
    }
  }

  /// The chunk that holds a byte.
  private func chunk(at offset: Int) -> Int {
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle].logical <= offset { low = middle } else { high = middle }
    }
    return low
  }

  private func decode(_ index: Int, _ window: inout Window) throws {
    if window.chunk == index { return }
    window.chunk = nil
    let chunk = chunks[index]
    let coder = window.coder
    do {
      let stored = UnsafeMutableRawBufferPointer(rebasing: coder.stored[..<chunk.stored])
      try file.readStored(into: stored, at: starts[index].stored)
      try coder.decode(chunk, into: UnsafeMutableRawBufferPointer(rebasing: coder.logical[..<chunk.length]))
    } catch let damage as Damage {
      throw store.quarantine(digest, file.status, damage.reason)
    }
    window.chunk = index
  }
}

extension Store {
  /// Opens an object for reading at any place.
  public func object(_ digest: Digest) throws -> StoredObject { try StoredObject(digest, in: self) }
}
