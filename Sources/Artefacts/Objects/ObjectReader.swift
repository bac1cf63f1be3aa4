internal import Glibc
internal import System

/// An open object file whose footer has been checked, or an object that stood in a segment.
struct ObjectReader: ~Copyable {
  let footer: ObjectFooter
  /// Bytes of the file; of what shares a frame of a segment with others, its own bytes.
  let storedSize: Int
  private let source: Source

  private enum Source: ~Copyable {
    case file(InputFile)
    case memory([UInt8])
  }

  init(_ file: consuming InputFile) throws {
    let expected = ObjectFormat.header
    var header = [UInt8](repeating: 0, count: expected.count)
    try header.withUnsafeMutableBytes { try file.readStored(into: $0, at: 0) }
    if ObjectFormat.isNewer(header: header) {
      throw Failure.newer("\(file.path), in version \(header[13]) of the object format,")
    }
    guard header == expected else { throw Damage("it does not start as an object") }
    footer = try ObjectFooter(of: file)
    storedSize = file.size
    source = .file(file)
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
  /// - Throws: `Damage` if a chunk cannot be decoded or the bytes are not what the footer says, at the end if need be.
  func stream(_ pool: CoderPool, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    var identity = ContentIdentity(size: footer.size)
    switch source {
    case .memory(let bytes):
      try bytes.withUnsafeBytes {
        identity.update($0)
        if !$0.isEmpty { try body($0) }
      }
    case .file(let file): try stream(file, pool, &identity, body)
    }
    try check(identity)
  }

  private func stream(
    _ file: borrowing InputFile, _ pool: CoderPool, _ identity: inout ContentIdentity,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let window = min(footer.chunks.count, Parallel.window)
    try pool.withCoders(window) { coders in
      var offset = ObjectFormat.header.count
      for start in stride(from: 0, to: footer.chunks.count, by: max(window, 1)) {
        let chunks = Array(footer.chunks[start..<min(start + window, footer.chunks.count)])
        for (coder, chunk) in zip(coders, chunks) {
          let stored = UnsafeMutableRawBufferPointer(rebasing: coder.stored[..<chunk.stored])
          try file.readStored(into: stored, at: offset)
          offset += chunk.stored
        }
        try Parallel.run(chunks.count) { index throws(Damage) in
          let target = coders[index].logical[..<chunks[index].length]
          try coders[index].decode(chunks[index], into: UnsafeMutableRawBufferPointer(rebasing: target))
        }
        for (coder, chunk) in zip(coders, chunks) {
          let bytes = UnsafeRawBufferPointer(rebasing: coder.logical[..<chunk.length])
          identity.update(bytes)
          try body(bytes)
        }
      }
    }
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

extension InputFile {
  /// Fills the buffer from an object file. Only bytes that are there can be wrong: what cannot be read is no damage.
  func readStored(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    if offset + buffer.count > size { throw Damage("it is cut short") }
    if try read(into: buffer, at: offset) < buffer.count {
      throw Failure(.unreadable, "cannot read \(path): it ends before its size")
    }
  }
}
