public import System

/// Looks at the bytes of an object file as they come, one piece after the other: whether they can be those of one. A page that a server
/// sends in its place is told from it by its first bytes, and what never ends by the first that fit no frame. That proves nothing: who
/// has all of the file reads it and checks it.
public struct ArrivingObject: Sendable {
  private enum Part { case header, start, frameHeader, block, footer, nothing }

  private var part = Part.header
  /// The bytes of the part that have come, and how many it has.
  private var bytes: [UInt8] = []
  private var length = ObjectFormat.headerLength
  /// Bytes that are passed over: what blocks and the footer hold.
  private var passed = 0
  /// Of the frame that comes now, its fifth byte, which says how long its header is, and the bytes that it may still have.
  private var descriptor: UInt8 = 0
  private var room = 0
  private var frames = 0

  public init() {}

  /// Takes the next bytes.
  /// - Throws: `.damaged` if no object file has them there, `.newer` if one of a later version may.
  public mutating func take(_ piece: UnsafeRawBufferPointer) throws(Failure) {
    do { try look(piece) } catch let error as Damage {
      throw Failure(.damaged, "it is no object, since \(error.reason)")
    } catch {
      throw Failure.newer("what comes")
    }
  }

  private struct Newer: Error {}

  private mutating func look(_ piece: UnsafeRawBufferPointer) throws {
    var rest = piece[...]
    while !rest.isEmpty {
      if passed > 0 {
        let count = min(passed, rest.count)
        passed -= count
        rest = rest.dropFirst(count)
        continue
      }
      if part == .nothing { throw Damage("something follows its footer") }
      let count = min(length - bytes.count, rest.count)
      bytes.append(contentsOf: rest.prefix(count))
      rest = rest.dropFirst(count)
      guard bytes.count == length else { continue }
      let whole = bytes
      bytes.removeAll(keepingCapacity: true)
      try end(of: whole)
    }
  }

  /// A part has come.
  private mutating func end(of bytes: [UInt8]) throws {
    switch part {
    case .header:
      if ObjectFormat.isNewer(header: bytes) { throw Newer() }
      guard bytes == ObjectFormat.header else { throw Damage("it does not begin as objects do") }
      expect(.start, 5)
    case .start: try begin(bytes)
    case .frameHeader: try beginBlocks(bytes)
    case .block: try pass(block: bytes)
    case .footer:
      let length = Int((bytes + [0]).littleEndian(at: 0, as: UInt32.self)) << 8 | Int(descriptor)
      // Each chunk has a frame at least.
      let most = frames * ObjectFormat.entryLength + ObjectFormat.extensionLength(chunks: frames, bases: 2)
      guard length >= ObjectFormat.tailLength, length <= most + ObjectFormat.tailLength,
        length <= ObjectFormat.footerLimit
      else { throw Damage("its footer has another length than its chunks give it") }
      passed = length
      part = .nothing
    case .nothing: break
    }
  }

  private mutating func expect(_ part: Part, _ length: Int) {
    self.part = part
    self.length = length
  }

  /// A frame begins, or the footer.
  private mutating func begin(_ bytes: [UInt8]) throws {
    descriptor = bytes[4]
    switch bytes.littleEndian(at: 0, as: UInt32.self) {
    case ObjectFormat.frameMagic: expect(.footer, 3)
    case ArrivingObject.zstdMagic:
      let size = ArrivingObject.sizeLengths[Int(descriptor >> 6)]
      let isSingle = descriptor & 0b10_0000 != 0
      // As `Compressor` writes them: with a checksum, the size of the content, and no dictionary.
      guard descriptor & 0b1_1111 == 0b0_0100, size > 0 || isSingle else {
        throw Damage("a zstd frame of it is none that objects have")
      }
      expect(.frameHeader, max(size, isSingle ? 1 : 0) + (isSingle ? 0 : 1))
    default: throw Damage("a chunk does not start with a zstd frame")
    }
  }

  private mutating func beginBlocks(_ bytes: [UInt8]) throws {
    let isSingle = descriptor & 0b10_0000 != 0
    let field = Array(bytes.dropFirst(isSingle ? 0 : 1))
    let number = (field + [UInt8](repeating: 0, count: 8 - field.count)).littleEndian(at: 0, as: UInt64.self)
    guard number <= UInt64(ObjectFormat.chunkLimit) else {
      throw Damage("a zstd frame is larger than any chunk")
    }
    frames += 1
    room = ObjectFormat.storedChunkLimit
    expect(.block, 3)
  }

  private mutating func pass(block bytes: [UInt8]) throws {
    let number = (bytes + [0]).littleEndian(at: 0, as: UInt32.self)
    let (isLast, kind, size) = (number & 1 == 1, number >> 1 & 3, Int(number >> 3))
    // One of kind 1 is a byte that is repeated.
    passed = kind == 1 ? 1 : size
    room -= passed + 3
    guard kind < 3, size <= ArrivingObject.blockLimit, room >= 0 else {
      throw Damage("a zstd frame of it is malformed")
    }
    if isLast {
      passed += ArrivingObject.checksumLength
      expect(.start, 5)
    }
  }

  // What RFC 8878 says of frames: their magic, how long the field with their size is, and the content of blocks at most.
  private static let zstdMagic: UInt32 = 0xFD2F_B528
  private static let sizeLengths = [0, 2, 4, 8]
  private static let blockLimit = 128 << 10
  private static let checksumLength = 4
}
