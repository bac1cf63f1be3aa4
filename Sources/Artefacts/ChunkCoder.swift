internal import Glibc
internal import Synchronization

/// Codes chunks in memory, one at a time, with buffers that are kept from chunk to chunk.
final class ChunkCoder: @unchecked Sendable {
  /// The logical bytes of a chunk, and its stored bytes.
  let logical: UnsafeMutableRawBufferPointer
  let stored: UnsafeMutableRawBufferPointer
  private let planes: UnsafeMutableRawBufferPointer
  private let decoded: UnsafeMutableRawBufferPointer
  private let compressor = Compressor()
  private let decompressor = Decompressor()

  init() {
    func buffer(_ count: Int) -> UnsafeMutableRawBufferPointer { .allocate(byteCount: count, alignment: 64) }
    logical = buffer(ObjectFormat.chunkLimit)
    stored = buffer(ObjectFormat.storedChunkLimit)
    planes = buffer(ObjectFormat.chunkLimit)
    decoded = buffer(ObjectFormat.chunkLimit)
  }

  deinit {
    for buffer in [logical, stored, planes, decoded] { buffer.deallocate() }
  }

  /// Codes `logical`, decodes the result and compares it.
  /// - Returns: the table's entry for the chunk, whose bytes are in `stored`.
  func encode(_ plan: ChunkPlan) throws(ArtefactError) -> ChunkEntry {
    let bytes = UnsafeRawBufferPointer(rebasing: logical[..<plan.length])
    var entry = encode(bytes, plan)
    if entry.codec != .plain && entry.stored >= bytes.count {
      entry = encode(bytes, ChunkPlan(length: plan.length, codec: .plain, width: 1))
    }
    let check = UnsafeMutableRawBufferPointer(rebasing: decoded[..<plan.length])
    do {
      try decode(entry, into: check)
    } catch {
      throw ArtefactError(
        .damaged, "a chunk could not be decoded after it was coded: \(error.reason)", remedy: memory)
    }
    guard bytes.elementsEqualInMemory(UnsafeRawBufferPointer(check)) else {
      throw ArtefactError(.damaged, "a chunk was decoded to other bytes than were coded", remedy: memory)
    }
    return entry
  }

  private var memory: String { "nothing was stored; test this machine's memory" }

  private func encode(_ bytes: UnsafeRawBufferPointer, _ plan: ChunkPlan) -> ChunkEntry {
    var count = 0
    func append(_ bytes: UnsafeRawBufferPointer, _ mode: Compressor.Mode) {
      let rest = UnsafeMutableRawBufferPointer(rebasing: stored[count...])
      count += compressor.compress(bytes, into: rest, mode)
    }
    if plan.codec == .plain {
      append(bytes, plainMode(bytes))
    } else {
      let columns = UnsafeMutableRawBufferPointer(rebasing: planes[..<bytes.count])
      Planes.split(bytes, into: columns, width: plan.width, rotated: plan.codec == .floatPlanes)
      let length = bytes.count / plan.width
      for plane in 0..<plan.width {
        let column = UnsafeRawBufferPointer(rebasing: columns[plane * length..<(plane + 1) * length])
        append(column, plan.codec == .floatPlanes ? planeMode(column) : .level(3))
      }
    }
    return ChunkEntry(length: plan.length, stored: count, codec: plan.codec, width: plan.width)
  }

  /// Decodes `stored` into `target`, which has the chunk's logical length.
  func decode(_ entry: ChunkEntry, into target: UnsafeMutableRawBufferPointer) throws(Damage) {
    var rest = UnsafeRawBufferPointer(rebasing: stored[..<entry.stored])
    func take(into target: UnsafeMutableRawBufferPointer) throws(Damage) {
      let length = try decompressor.decompress(rest, into: target)
      rest = UnsafeRawBufferPointer(rebasing: rest[length...])
    }
    if entry.codec == .plain {
      try take(into: target)
    } else {
      let columns = UnsafeMutableRawBufferPointer(rebasing: planes[..<entry.length])
      let length = entry.length / entry.width
      for plane in 0..<entry.width {
        try take(
          into: UnsafeMutableRawBufferPointer(rebasing: columns[plane * length..<(plane + 1) * length]))
      }
      Planes.join(
        UnsafeRawBufferPointer(columns), into: target, width: entry.width,
        rotated: entry.codec == .floatPlanes)
    }
    if !rest.isEmpty { throw Damage("a chunk is longer than its frames") }
  }

  // The choice of a mode is a guess from samples; it costs space when it is wrong, nothing else.

  /// zstd 3, unless samples of the bytes do not get smaller.
  private func plainMode(_ bytes: UnsafeRawBufferPointer) -> Compressor.Mode {
    let piece = 8 << 10
    guard bytes.count >= 8 * piece else { return .level(3) }
    let gains = stride(from: 0, to: bytes.count - piece, by: bytes.count / 4).contains { start in
      let sample = UnsafeRawBufferPointer(rebasing: bytes[start..<start + piece])
      return compressor.compress(sample, into: decoded, .level(1)) < piece - piece / 64
    }
    return gains ? .level(3) : .raw
  }

  /// Raw where the bytes are nearly even, else the better of Huffman coding alone and zstd 1.
  private func planeMode(_ plane: UnsafeRawBufferPointer) -> Compressor.Mode {
    let piece = 8 << 10
    guard plane.count >= 2 * piece else { return .level(1) }
    let start = (plane.count - piece) / 2
    let sample = UnsafeRawBufferPointer(rebasing: plane[start..<start + piece])
    let huffman = compressor.compress(sample, into: decoded, .huffman)
    let matches = compressor.compress(sample, into: decoded, .level(1))
    if min(huffman, matches) >= piece - piece / 128 { return .raw }
    return matches < huffman - huffman / 32 ? .level(1) : .huffman
  }
}

extension UnsafeRawBufferPointer {
  func elementsEqualInMemory(_ other: UnsafeRawBufferPointer) -> Bool {
    count == other.count && (count == 0 || memcmp(baseAddress!, other.baseAddress!, count) == 0)
  }
}

/// Coders that are not in use. Making one costs more than coding a small object.
final class CoderPool: Sendable {
  private let free = Mutex<[ChunkCoder]>([])

  func withCoders<Result>(_ count: Int, _ body: ([ChunkCoder]) throws -> Result) rethrows -> Result {
    let coders = free.withLock { free in
      let taken = Array(free.suffix(count))
      free.removeLast(taken.count)
      return taken
    }
    let all = coders + (coders.count..<count).map { _ in ChunkCoder() }
    defer {
      free.withLock { free in
        let room = CoderPool.limit - free.count
        if room > 0 { free += all.prefix(room) }
      }
    }
    return try body(all)
  }

  private static let limit = 16
}
