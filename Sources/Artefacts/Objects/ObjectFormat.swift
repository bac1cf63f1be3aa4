internal import System

/// The object file. All numbers are little-endian; `cache/README.md` describes it for someone who writes a reader.
///
///     header   skippable frame of 16 bytes: magic 184D2A5B, length 8, "brake", version, 2 zero bytes
///     chunks   zstd frames, one chunk after the other
///     footer   skippable frame: magic 184D2A5B, length, then
///                16 bytes a chunk: logical length (4), stored length (4), codec (1), element width (1), of second moments
///                  the number of the chunk with the first ones (4), of updated weights how many stretches they
///                  have (4), zero (2 or 6)
///                extension, empty but of an object that is stored as a difference from another one:
///                  that one's digest (32), then 8 bytes a chunk: where the bytes start there of which it is a
///                  difference, 0 of a chunk that is none; of an object with updated weights that one's digest (32),
///                  that of a second base with the moments of their update (32), then 24 bytes a chunk: the same place,
///                  and where first and second moments start in the second base, 0 of all other chunks
///                tail of 72 bytes: logical size (8), digest (32), chunks (4), length of the extension (4),
///                  kind (1), version (1), zero (6), check (8), "brakeend"
///
/// The check is the first eight bytes of the SHA-256 of the footer from its magic to just before the check.
enum ObjectFormat {
  static let version: UInt8 = 1
  /// Logical bytes of a chunk, at most.
  static let chunkLimit = 1 << 20
  /// Room for the frames of any chunk, of eight planes at the most.
  static let storedChunkLimit = 8 * Compressor.bound(chunkLimit / 8)

  /// Bytes of a footer, at most: sixteen million chunks.
  static let footerLimit = 256 << 20

  static let frameMagic: UInt32 = 0x184D_2A5B
  static let header: [UInt8] = frame(length: 8) + Array("brake".utf8) + [version, 0, 0]
  static let headerLength = 16
  static let frameHeaderLength = 8
  static let entryLength = 16
  static let tailLength = 72
  static let endMark = Array("brakeend".utf8)
  /// How many bases stand one behind the other, at most.
  static let baseLimit = 4
  static let baseOffsetLength = 8

  /// Bytes of the extension.
  static func extensionLength(chunks: Int, bases: Int) -> Int {
    switch bases {
    case 0: 0
    case 1: 32 + chunks * baseOffsetLength
    default: 2 * 32 + chunks * 3 * baseOffsetLength
    }
  }

  /// Whether a header is that of a later version.
  static func isNewer(header bytes: [UInt8]) -> Bool {
    bytes.starts(with: header.prefix(13)) && bytes.count > 13 && bytes[13] > version
  }

  static func frame(length: Int) -> [UInt8] {
    frameMagic.littleEndianBytes + UInt32(length).littleEndianBytes
  }
}

/// What the end of an object file says of the rest.
struct ObjectFooter: Hashable, Sendable {
  let chunks: [ChunkEntry]
  let digest: Digest
  let kind: Artefact.Kind
  /// Logical bytes.
  let size: Int
  /// The object from which some chunks are differences.
  let base: Digest?
  /// The object that holds the moments of the update that made some chunks, which then is there.
  let states: Digest?

  /// All objects without which this one cannot be read.
  var bases: [Digest] { [base, states].compactMap(\.self) }

  var bytes: [UInt8] {
    let extensionLength = ObjectFormat.extensionLength(chunks: chunks.count, bases: bases.count)
    let length = chunks.count * ObjectFormat.entryLength + extensionLength + ObjectFormat.tailLength
    var bytes = ObjectFormat.frame(length: length)
    bytes.reserveCapacity(ObjectFormat.frameHeaderLength + length)
    for chunk in chunks {
      bytes += UInt32(chunk.length).littleEndianBytes
      bytes += UInt32(chunk.stored).littleEndianBytes
      bytes += [chunk.codec.rawValue, UInt8(chunk.width)]
      bytes += UInt32(chunk.number).littleEndianBytes + [0, 0]
    }
    if let base {
      bytes += base.bytes
      if let states { bytes += states.bytes }
      for chunk in chunks {
        bytes += UInt64(chunk.base).littleEndianBytes
        if states == nil { continue }
        bytes += UInt64(chunk.moments.first).littleEndianBytes
        bytes += UInt64(chunk.moments.second).littleEndianBytes
      }
    }
    bytes += UInt64(size).littleEndianBytes
    bytes += digest.bytes
    bytes += UInt32(chunks.count).littleEndianBytes
    bytes += UInt32(extensionLength).littleEndianBytes
    bytes += [kind == .tree ? 1 : 0, ObjectFormat.version, 0, 0, 0, 0, 0, 0]
    bytes += Digest(of: bytes).bytes.prefix(8)
    bytes += ObjectFormat.endMark
    return bytes
  }

  /// Reads the footer of an open object file. Nothing in it is believed before its check is right, and nothing is
  /// allocated that the file is not long enough for.
  init(of file: borrowing InputFile) throws {
    var tail = [UInt8](repeating: 0, count: ObjectFormat.tailLength)
    let tailStart = file.size - tail.count
    guard tailStart >= ObjectFormat.header.count + ObjectFormat.frameHeaderLength else {
      throw Damage("it is cut short")
    }
    try tail.withUnsafeMutableBytes { try file.readStored(into: $0, at: tailStart) }
    guard tail.suffix(8) == ObjectFormat.endMark[...] else {
      throw Damage("it is cut short, or something follows it")
    }

    let count = Int(tail.littleEndian(at: 40, as: UInt32.self))
    let extensionLength = Int(tail.littleEndian(at: 44, as: UInt32.self))
    let start =
      tailStart - extensionLength - count * ObjectFormat.entryLength - ObjectFormat.frameHeaderLength
    guard start >= ObjectFormat.header.count else { throw Damage("its chunk table is larger than the file") }
    // A file with holes can be longer than any memory.
    guard file.size - start <= ObjectFormat.footerLimit else {
      throw Failure(.refused, "\(file.path) has a chunk table of \(file.size - start) bytes")
    }
    var bytes = [UInt8](repeating: 0, count: file.size - start)
    try bytes.withUnsafeMutableBytes { try file.readStored(into: $0, at: start) }
    let check = bytes.withUnsafeBytes { Digest(of: UnsafeRawBufferPointer(rebasing: $0.dropLast(16))) }
    guard check.bytes.prefix(8) == bytes.suffix(16).prefix(8) else {
      throw Damage("its footer does not match its check")
    }

    let version = tail[49]
    let bases = (0...2).first { extensionLength == ObjectFormat.extensionLength(chunks: count, bases: $0) }
    guard version == ObjectFormat.version, let bases else {
      throw Failure.newer("\(file.path), in version \(version) of the object format,")
    }
    guard bytes.prefix(8) == ObjectFormat.frame(length: bytes.count - 8)[...], tail[48] <= 1,
      tail[50..<56].allSatisfy({ $0 == 0 })
    else { throw Damage("its footer is malformed") }

    var chunks: [ChunkEntry] = []
    chunks.reserveCapacity(count)
    var logical = 0
    var stored = 0
    var first = -1
    let extensionStart = 8 + count * ObjectFormat.entryLength
    var places = PlaceTable(bytes, at: extensionStart + bases * 32, bases: bases)
    for index in 0..<count {
      var entry = try ObjectFooter.entry(bytes, at: 8 + index * ObjectFormat.entryLength, path: file.path)
      try places.read(into: &entry)
      if entry.codec == .secondMoments {
        // In ascending order, too.
        guard first < entry.first, entry.first < count else {
          throw Damage("its second moments have no first ones")
        }
        first = entry.first
      }
      logical += entry.length
      stored += entry.stored
      chunks.append(entry)
    }
    if (bases == 2) != chunks.contains(where: { $0.codec == .updatedWeights }) {
      throw Damage("its updated weights have no moments")
    }
    for chunk in chunks where chunk.codec == .secondMoments {
      // Two ways to each base are enough: more of them would take more room to read.
      if bases == 2 { throw Damage("it has second moments and updated weights") }
      let first = chunks[chunk.first]
      guard first.codec == .floatDeltas, first.width == chunk.width, first.length == chunk.length else {
        throw Damage("its second moments have no first ones")
      }
    }
    guard stored == start - ObjectFormat.header.count, logical == tail.littleEndian(at: 0, as: UInt64.self)
    else {
      throw Damage("its chunk table does not add up")
    }
    self.chunks = chunks
    digest = Digest(bytes: tail[8..<40])
    kind = tail[48] == 1 ? .tree : .blob
    size = logical
    base = bases > 0 ? Digest(bytes: bytes[extensionStart..<extensionStart + 32]) : nil
    states = bases > 1 ? Digest(bytes: bytes[extensionStart + 32..<extensionStart + 64]) : nil
  }

  /// - Parameter states: only where chunks are updated weights.
  init(
    chunks: [ChunkEntry], digest: Digest, kind: Artefact.Kind, size: Int, base: Digest? = nil,
    states: Digest? = nil
  ) {
    self.base = base
    self.states = states
    self.chunks = chunks
    self.digest = digest
    self.kind = kind
    self.size = size
  }

  private static func entry(_ bytes: [UInt8], at offset: Int, path: String) throws -> ChunkEntry {
    guard let codec = Codec(rawValue: bytes[offset + 8]) else {
      throw Failure.newer("\(path), which uses codec \(bytes[offset + 8]),")
    }
    var entry = ChunkEntry(
      length: Int(bytes.littleEndian(at: offset, as: UInt32.self)),
      stored: Int(bytes.littleEndian(at: offset + 4, as: UInt32.self)),
      codec: codec, width: Int(bytes[offset + 9]))
    let number = Int(bytes.littleEndian(at: offset + 10, as: UInt32.self))
    if codec == .secondMoments { entry.first = number }
    if codec == .updatedWeights { entry.stretches = number }
    guard 1...ObjectFormat.chunkLimit ~= entry.length, 1...ObjectFormat.storedChunkLimit ~= entry.stored,
      codec.accepts(width: entry.width), entry.length % entry.width == 0,
      entry.number == number, bytes[offset + 14..<offset + 16].allSatisfy({ $0 == 0 }),
      codec != .updatedWeights || 1...Updates.stretchLimit ~= entry.stretches
    else { throw Damage("its chunk table is malformed") }
    return entry
  }
}

extension FixedWidthInteger {
  var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}

extension [UInt8] {
  func littleEndian<Number: FixedWidthInteger>(at offset: Int, as: Number.Type) -> Number {
    withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
  }
}
