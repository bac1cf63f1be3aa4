extension FileStatus {
  /// What a file's content is remembered by.
  package struct Key: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    /// Nanoseconds since 1970.
    let modified: Int64
    let changed: Int64
  }

  package var key: Key {
    Key(device: device, inode: inode, size: size, modified: modified, changed: changed)
  }
}

extension FileStatus.Key {
  /// How many bytes it takes: device, inode, size, mtime, ctime. Little-endian.
  package static let length = 40

  package var bytes: [UInt8] { withBytes { Array($0) } }

  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let words = (
      device.littleEndian, inode.littleEndian, size.littleEndian, modified.littleEndian, changed.littleEndian
    )
    return withUnsafeBytes(of: words, body)
  }

  /// - Precondition: there are `length` bytes from `offset` on.
  package init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    func number<Number: FixedWidthInteger>(_ index: Int, _: Number.Type) -> Number {
      Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8 * index, as: Number.self))
    }
    device = number(0, UInt64.self)
    inode = number(1, UInt64.self)
    size = number(2, Int64.self)
    modified = number(3, Int64.self)
    changed = number(4, Int64.self)
  }
}
