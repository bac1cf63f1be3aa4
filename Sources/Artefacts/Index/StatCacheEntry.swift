internal import System

/// One line of the stat cache, 96 bytes: device, inode, size, mtime, ctime (8 each), digest (32), size of the artefact
/// (8), kind (8), check (8). Little-endian.
struct StatCacheEntry {
  let file: FileStatus.Key
  let artefact: Artefact

  static let length = 96

  init(file: FileStatus.Key, artefact: Artefact) {
    self.file = file
    self.artefact = artefact
  }

  var bytes: [UInt8] {
    var bytes = file.bytes
    bytes.reserveCapacity(StatCacheEntry.length)
    bytes += artefact.digest.bytes
    bytes += Int64(artefact.size).littleEndianBytes
    bytes += UInt64(artefact.kind == .tree ? 1 : 0).littleEndianBytes
    bytes += bytes.withUnsafeBytes(StatCacheEntry.check).littleEndianBytes
    return bytes
  }

  /// Nil if the check is wrong.
  init?(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    func number<Number: FixedWidthInteger>(_ index: Int, _: Number.Type) -> Number {
      Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8 * index, as: Number.self))
    }
    let body = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + StatCacheEntry.length - 8])
    let kind = number(10, UInt64.self)
    guard number(11, UInt64.self) == StatCacheEntry.check(body), kind <= 1 else { return nil }
    file = FileStatus.Key(bytes, at: offset)
    artefact = Artefact(
      digest: Digest(bytes: bytes[offset + 40..<offset + 72]), kind: kind == 1 ? .tree : .blob,
      size: Int(number(9, Int64.self)))
  }

  /// FNV-1a of 64 bits, taken a word at a time. http://www.isthe.com/chongo/tech/comp/fnv/
  private static func check(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    stride(from: 0, to: bytes.count, by: 8).reduce(0xcbf2_9ce4_8422_2325) { hash, offset in
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      let mixed = (hash ^ word) &* 0x100_0000_01b3
      return mixed ^ mixed >> 32
    }
  }
}
