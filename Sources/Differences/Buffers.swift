import Glibc

enum Buffers {
  /// Two buffers of a size, for as long as the body runs.
  static func withPair<Result>(
    of count: Int, _ body: (UnsafeMutableRawBufferPointer, UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let one = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 64)
    defer { one.deallocate() }
    let other = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 64)
    defer { other.deallocate() }
    return try body(one, other)
  }

  static func areEqual(_ one: UnsafeMutableRawBufferPointer, _ other: UnsafeMutableRawBufferPointer) -> Bool {
    guard let first = one.baseAddress, let second = other.baseAddress, one.count == other.count else {
      return one.count == other.count
    }
    return memcmp(first, second, one.count) == 0
  }
}
