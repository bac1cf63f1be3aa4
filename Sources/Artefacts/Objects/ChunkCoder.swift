internal import Glibc
internal import Synchronization
internal import System

/// Codes chunks in memory, one at a time, with buffers that are kept from chunk to chunk.
final class ChunkCoder: @unchecked Sendable {
  /// The logical bytes of a chunk, and its stored bytes.
  let logical: UnsafeMutableRawBufferPointer
  let stored: UnsafeMutableRawBufferPointer
  private let planes: UnsafeMutableRawBufferPointer
  private let decoded: UnsafeMutableRawBufferPointer
  /// The bytes of the base at a chunk's place, and another coding of the chunk; made for who codes differences.
  private(set) lazy var base = Buffer(ObjectFormat.chunkLimit)
  private lazy var other = Buffer(ObjectFormat.storedChunkLimit)
  /// What a chunk is predicted from besides the base's bytes: the first moments that belong to second ones, now and before, or the
  /// first and second ones that belong to weights; made for who codes such.
  private(set) lazy var beside = (Buffer(ObjectFormat.chunkLimit), Buffer(ObjectFormat.chunkLimit))
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

  /// A buffer that goes with its owner.
  final class Buffer: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer
    init(_ count: Int) { bytes = .allocate(byteCount: count, alignment: 64) }
    deinit { bytes.deallocate() }
  }

  /// Codes `logical`, of a plan with a difference also against `base`, decodes the result and compares it.
  /// - Returns: the table's entry for the chunk, whose bytes are in `stored`.
  func encode(_ plan: ChunkPlan) throws(Failure) -> ChunkEntry {
    let bytes = UnsafeRawBufferPointer(rebasing: logical[..<plan.length])
    var entry = encode(bytes, plan)
    if entry.codec != .plain && entry.stored >= bytes.count {
      entry = encode(bytes, ChunkPlan(length: plan.length, codec: .plain, width: 1))
    }
    if let delta = plan.delta {
      // As what an optimiser has made, and as what any other numbers are.
      var ways = [delta]
      if delta.codec.isPredicted {
        ways.append(.init(codec: .floatDeltas, width: delta.width, base: delta.base))
      }
      for way in ways {
        let coded = encode(bytes, way)
        if coded.stored < entry.stored || way.isNeeded {
          entry = coded
          stored.copyMemory(from: UnsafeRawBufferPointer(rebasing: other.bytes[..<coded.stored]))
        }
      }
    }
    let check = UnsafeMutableRawBufferPointer(rebasing: decoded[..<plan.length])
    if entry.codec.isDelta { check.copyMemory(from: bytesOfBase(plan.length)) }
    do {
      try decode(entry, into: check, beside: entry.codec.isPredicted ? bytesBeside(plan.length) : nil)
    } catch {
      throw Failure(
        .damaged, "a chunk could not be decoded after it was coded: \(error.reason)", hint: memory)
    }
    guard bytes.elementsEqualInMemory(UnsafeRawBufferPointer(check)) else {
      throw Failure(.damaged, "a chunk was decoded to other bytes than were coded", hint: memory)
    }
    return entry
  }

  private func bytesOfBase(_ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: base.bytes[..<count])
  }

  private func bytesBeside(_ count: Int) -> BesideBytes {
    (
      UnsafeRawBufferPointer(rebasing: beside.0.bytes[..<count]),
      UnsafeRawBufferPointer(rebasing: beside.1.bytes[..<count])
    )
  }

  private var memory: String { "nothing was stored; test this machine's memory" }

  /// Codes a difference into `other`.
  private func encode(_ bytes: UnsafeRawBufferPointer, _ delta: ChunkPlan.Delta) -> ChunkEntry {
    let columns = UnsafeMutableRawBufferPointer(rebasing: planes[..<bytes.count])
    var count = 0
    var like = bytesOfBase(bytes.count)
    if let predictor = delta.predictor {
      let predicted = UnsafeMutableRawBufferPointer(rebasing: decoded[..<bytes.count])
      predicted.copyMemory(from: like)
      predictor.predict(beside: bytesBeside(bytes.count), onto: predicted)
      like = UnsafeRawBufferPointer(predicted)
      count = predictor.bytes.withUnsafeBytes { compressor.compress($0, into: other.bytes, .raw) }
    }
    Deltas.split(
      bytes, against: like, into: columns, width: delta.width, areFloats: delta.codec != .integerDeltas)
    // A chunk for which the plan found no places is a plain difference.
    let update = delta.codec == .updatedWeights ? delta.update : nil
    let length = bytes.count / delta.width
    for plane in 0..<delta.width {
      let column = UnsafeRawBufferPointer(rebasing: columns[plane * length..<(plane + 1) * length])
      let rest = UnsafeMutableRawBufferPointer(rebasing: other.bytes[count...])
      count += compressor.compress(column, into: rest, planeMode(column))
    }
    return ChunkEntry(
      length: bytes.count, stored: count, codec: delta.codec, width: delta.width, base: delta.base,
      first: delta.moments?.chunk ?? 0, stretches: update?.stretches.count ?? 0,
      moments: update?.places ?? MomentPlaces())
  }

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

  /// Decodes `stored` into `target`, which has the chunk's logical length and, where the chunk is a difference, holds the
  /// bytes of the base.
  /// - Parameter beside: of what is predicted, what it is predicted from besides that.
  func decode(
    _ entry: ChunkEntry, into target: UnsafeMutableRawBufferPointer, beside: BesideBytes? = nil
  ) throws(Damage) {
    var rest = UnsafeRawBufferPointer(rebasing: stored[..<entry.stored])
    func take(into target: UnsafeMutableRawBufferPointer) throws(Damage) {
      let length = try decompressor.decompress(rest, into: target)
      rest = UnsafeRawBufferPointer(rebasing: rest[length...])
    }
    if entry.codec == .plain {
      try take(into: target)
    } else {
      var predictor: Predictor?
      if let length = Predictor.length(of: entry) {
        let bytes = UnsafeMutableRawBufferPointer(rebasing: planes[..<length])
        try take(into: bytes)
        predictor = try Predictor(Array(bytes), of: entry)
      }
      let columns = UnsafeMutableRawBufferPointer(rebasing: planes[..<entry.length])
      let length = entry.length / entry.width
      for plane in 0..<entry.width {
        try take(
          into: UnsafeMutableRawBufferPointer(rebasing: columns[plane * length..<(plane + 1) * length]))
      }
      if let predictor, let beside { predictor.predict(beside: beside, onto: target) }
      if entry.codec.isDelta {
        Deltas.join(
          UnsafeRawBufferPointer(columns), onto: target, width: entry.width,
          areFloats: entry.codec != .integerDeltas)
      } else {
        Planes.join(
          UnsafeRawBufferPointer(columns), into: target, width: entry.width,
          rotated: entry.codec == .floatPlanes)
      }
    }
    if !rest.isEmpty { throw Damage("a chunk is longer than its frames") }
  }

  // The choice of a mode is a guess from samples; it costs space when it is wrong, nothing else.

  /// zstd 3, unless samples of the bytes do not get smaller.
  private func plainMode(_ bytes: UnsafeRawBufferPointer) -> Compressor.Mode {
    guard let size = sampleSizes(bytes, [.level(1)])?[0] else { return .level(3) }
    return size < ChunkCoder.sampleSize - ChunkCoder.sampleSize / 64 ? .level(3) : .raw
  }

  /// The first of these, from fast to slow, that is nearly as small as the smallest; raw if none gets smaller.
  private func planeMode(_ plane: UnsafeRawBufferPointer) -> Compressor.Mode {
    let modes: [Compressor.Mode] = [.huffman(haste: .max), .huffman(haste: 200), .level(1)]
    guard let sizes = sampleSizes(plane, modes), let best = sizes.min() else { return .level(1) }
    if best >= ChunkCoder.sampleSize - ChunkCoder.sampleSize / 128 { return .raw }
    return zip(modes, sizes).first { $1 <= best + best / 32 }?.0 ?? .level(1)
  }

  /// Compressed sizes of a sample; nil for bytes that are too few to take one of.
  private func sampleSizes(_ bytes: UnsafeRawBufferPointer, _ modes: [Compressor.Mode]) -> [Int]? {
    let pieces = 4
    let piece = ChunkCoder.sampleSize / pieces
    guard bytes.count >= 4 * ChunkCoder.sampleSize else { return nil }
    let sample = UnsafeMutableRawBufferPointer(rebasing: decoded[..<ChunkCoder.sampleSize])
    let output = UnsafeMutableRawBufferPointer(rebasing: decoded[ChunkCoder.sampleSize...])
    for index in 0..<pieces {
      let start = index * (bytes.count / pieces)
      UnsafeMutableRawBufferPointer(rebasing: sample[index * piece..<(index + 1) * piece])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + piece]))
    }
    return modes.map { compressor.compress(UnsafeRawBufferPointer(sample), into: output, $0) }
  }

  private static let sampleSize = 16 << 10
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
