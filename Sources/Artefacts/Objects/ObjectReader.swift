internal import Glibc
internal import System

/// An open object file whose footer has been checked, or an object that stood in a segment.
struct ObjectReader: ~Copyable {
  let footer: ObjectFooter
  /// Bytes of the file; of what shares a frame of a segment with others, its own bytes.
  let storedSize: Int
  private let source: Source

  private enum Source {
    case file(ObjectFile)
    case memory([UInt8])
  }

  /// Opens an object file.
  init(_ file: consuming InputFile) throws { self.init(try ObjectFile(file)) }

  init(_ object: ObjectFile) {
    footer = object.footer
    storedSize = object.file.size
    source = .file(object)
  }

  /// An entry of a segment, which is to be an object. What it is named by the segment proves nothing.
  init(_ entry: FoundEntry, digest: Digest) {
    let size = entry.bytes.count
    let chunks = size == 0 ? [] : [ChunkEntry(length: size, stored: size, codec: .plain, width: 1)]
    footer = ObjectFooter(
      chunks: chunks, digest: digest, kind: entry.kind == .tree ? .tree : .blob, size: size)
    storedSize = size
    source = .memory(entry.bytes)
  }

  /// Decodes the chunks, a few at a time and in parallel, and hands them out in order.
  ///
  /// - Parameter bases: where the files are of the object that this one is a difference from, and of that one's base.
  /// - Throws: `Damage` if a chunk cannot be decoded or the bytes are not what the footer says, at the end if need be;
  ///   `LostBase`.
  func stream(
    _ pool: CoderPool, bases: BaseSource, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var identity = ContentIdentity(size: footer.size)
    switch source {
    case .memory(let bytes):
      try bytes.withUnsafeBytes {
        identity.update($0)
        if !$0.isEmpty { try body($0) }
      }
    case .file(let object):
      let coded = try CodedObject(object, bases: bases)
      do {
        try stream(coded, pool, &identity, body)
        try check(identity)
      } catch let damage as Damage {
        try coded.checkBases()
        throw damage
      }
      return
    }
    try check(identity)
  }

  private func stream(
    _ object: CodedObject, _ pool: CoderPool, _ identity: inout ContentIdentity,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let chunks = footer.chunks
    // What one half of the coders has decoded is hashed while the other half decodes what follows.
    let half = max(1, min(chunks.count, Parallel.window / 2))
    let hash = Slot(identity)
    try pool.withCoders(chunks.count > half ? 2 * half : half) { coders in
      let workers = coders.map(ChunkWorker.init)
      var decoded: [(coder: Int, length: Int)] = []
      for (turn, start) in stride(from: 0, to: chunks.count, by: half).enumerated() {
        let first = turn % 2 * half
        let (before, count) = (decoded, min(half, chunks.count - start))
        let isHashing = before.isEmpty ? 0 : 1
        try Parallel.run(count + isHashing) { index throws(any Error) in
          // The hash is the longest piece, so it is handed out first.
          if index < isHashing {
            for part in before { hash.value.update(coders[part.coder].decoded(part.length)) }
          } else {
            let number = index - isHashing
            try object.decode(
              start + number, into: coders[first + number].logical, by: workers[first + number],
              isInRow: true)
          }
        }
        decoded = (0..<count).map { (first + $0, chunks[start + $0].length) }
        for part in decoded { try body(coders[part.coder].decoded(part.length)) }
      }
      for part in decoded { hash.value.update(coders[part.coder].decoded(part.length)) }
    }
    identity = hash.value
  }

  private func check(_ identity: ContentIdentity) throws {
    let artefact = identity.finalize()
    if artefact.digest != footer.digest { throw Damage("its bytes have another digest") }
    if artefact.kind == footer.kind { return }
    // What its digest proves to be what was stored is no damage.
    if footer.kind == .tree, identity.startsAsManifest {
      if !identity.startsAsTree { throw Failure.newer("the tree \(footer.digest)") }
      throw Failure(
        .refused,
        "the tree \(footer.digest) is not accepted: its manifest is malformed, or names what no folder can hold"
      )
    }
    throw Damage("its footer gives it the wrong kind")
  }
}

extension ChunkCoder {
  /// The first of its logical bytes.
  func decoded(_ count: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: logical[..<count]) }
}

extension InputFile {
  /// Fills the buffer from an object file. Only bytes that are there can be wrong: what cannot be read is no damage.
  func readStored(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    if offset + buffer.count > size { throw Damage("it is cut short") }
    if try read(into: buffer, at: offset) < buffer.count {
      throw Failure(.unreadable, "cannot read \(path): it ends before its size")
    }
  }
}
