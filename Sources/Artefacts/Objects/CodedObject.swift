internal import System

/// An object file with those that it is stored as a difference from: what it takes to decode any part of it.
final class CodedObject: Sendable {
  private let object: ObjectFile
  private let bases: BaseSource
  private let base: CodedObject?
  /// How many objects stand between this and the one that is wanted.
  private let level: Int
  /// Where each chunk starts: among the logical bytes, and in the file.
  private let starts: [(logical: Int, stored: Int)]

  var footer: ObjectFooter { object.footer }
  var size: Int { footer.size }

  /// Opens the bases of an object, too. What is asked of these is bounded by what the object has: their bytes come in the
  /// order of its own.
  /// - Throws: `LostBase`, or `Damage` if the object says of its base what cannot be.
  convenience init(_ object: ObjectFile, bases: BaseSource) throws { try self.init(object, bases, level: 0) }

  private init(_ object: ObjectFile, _ bases: BaseSource, level: Int) throws {
    self.object = object
    self.bases = bases
    self.level = level
    var starts: [(logical: Int, stored: Int)] = []
    starts.reserveCapacity(object.footer.chunks.count)
    var next = (logical: 0, stored: ObjectFormat.headerLength)
    for chunk in object.footer.chunks {
      starts.append(next)
      next = (next.logical + chunk.length, next.stored + chunk.stored)
    }
    self.starts = starts
    guard let digest = object.footer.base else {
      base = nil
      return
    }
    do {
      if level == ObjectFormat.baseLimit {
        throw Failure(
          .refused, "differences lead over more than \(ObjectFormat.baseLimit) bases to it", hint: nil)
      }
      let file = try bases.open(digest)
      let status = file.status
      do {
        base = try CodedObject(ObjectFile(file, as: digest), bases, level: level + 1)
      } catch let damage as Damage {
        throw bases.damaged(digest, status, damage)
      }
    } catch let error as Failure {
      throw LostBase(base: digest, cause: error)
    }
    let end = object.footer.chunks.last { $0.codec.isDelta }.map { $0.base + $0.length } ?? 0
    guard let base, end <= base.size else {
      try checkBases()
      throw Damage("it is a difference from bytes that its base does not have")
    }
  }

  /// Fills a buffer, which is not empty, with the bytes from a place on.
  /// - Precondition: there are as many.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int, by worker: ChunkWorker) throws {
    var done = 0
    var index = chunk(at: offset)
    while done < buffer.count {
      let start = offset + done - starts[index].logical
      let count = min(footer.chunks[index].length - start, buffer.count - done)
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
      if count == footer.chunks[index].length {
        try decode(index, into: target, by: worker)
      } else {
        let chunk = try worker.chunk(index, at: level) { try decode(index, into: $0, by: worker) }
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[start..<start + count]))
      }
      done += count
      index += 1
    }
  }

  /// Decodes one chunk.
  /// - Parameter buffer: at least as long as the chunk.
  /// - Throws: `Damage` to this object, or `LostBase`.
  func decode(_ index: Int, into buffer: UnsafeMutableRawBufferPointer, by worker: ChunkWorker) throws {
    let chunk = footer.chunks[index]
    let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<chunk.length])
    if let base, chunk.codec.isDelta {
      do { try base.read(into: target, at: chunk.base, by: worker) } catch { throw base.lost(error) }
    }
    let stored = UnsafeMutableRawBufferPointer(rebasing: worker.coder.stored[..<chunk.stored])
    try object.file.readStored(into: stored, at: starts[index].stored)
    try worker.coder.decode(chunk, into: target)
  }

  /// Reads all bases as a whole, the first of all first: what seems to be wrong with this object may be wrong with one of
  /// them.
  /// - Throws: `LostBase` if it is.
  func checkBases() throws {
    guard let base else { return }
    try base.checkBases()
    do {
      let worker = ChunkWorker(ChunkCoder())
      var identity = ContentIdentity(size: base.size)
      for index in base.footer.chunks.indices {
        try Task.checkCancellation()
        let chunk = worker.coder.logical
        try base.decode(index, into: chunk, by: worker)
        identity.update(UnsafeRawBufferPointer(rebasing: chunk[..<base.footer.chunks[index].length]))
      }
      if identity.finalize().digest != base.footer.digest { throw Damage("its bytes have another digest") }
    } catch {
      throw base.lost(error)
    }
  }

  /// What is told to who needs this object as a base, of an error that came up when it was read.
  private func lost(_ error: any Error) -> any Error {
    switch error {
    case let damage as Damage:
      LostBase(base: footer.digest, cause: bases.damaged(footer.digest, object.file.status, damage))
    case let failure as Failure: LostBase(base: footer.digest, cause: failure)
    default: error
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
}

/// Buffers with which one thread decodes chunks of one object, and what it needs of that object's bases.
final class ChunkWorker: @unchecked Sendable {
  let coder: ChunkCoder
  /// Of the object and of each of its bases, the chunk of which a part was wanted last.
  private var windows: [Window] = []

  private struct Window {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ObjectFormat.chunkLimit, alignment: 64)
    var chunk: Int?
  }

  init(_ coder: ChunkCoder) { self.coder = coder }

  deinit { for window in windows { window.buffer.deallocate() } }

  /// The bytes of a chunk, decoded if it is another one than the last time.
  fileprivate func chunk(
    _ index: Int, at level: Int, _ decode: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> UnsafeRawBufferPointer {
    while windows.count <= level { windows.append(Window()) }
    let buffer = windows[level].buffer
    if windows[level].chunk != index {
      windows[level].chunk = nil
      try decode(buffer)
      windows[level].chunk = index
    }
    return UnsafeRawBufferPointer(buffer)
  }
}
