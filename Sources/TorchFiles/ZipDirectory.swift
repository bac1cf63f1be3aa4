public import System

/// Where the directory of a ZIP archive stands, as the end of the file tells (APPNOTE 6.3.9, with the 64-bit extension). It is written last, so
/// that an archive that was cut short has none.
public struct ZipDirectory: Hashable, Sendable {
  /// Entries.
  public let count: Int
  /// In the file.
  public let place: Range<Int>

  /// The first bytes of an archive that is not empty.
  public static let opening: [UInt8] = [0x50, 0x4B, 3, 4]
  /// Bytes at the end of a file in which what tells of the directory stands: a record of 22, a comment of 65 535 behind it at most, and
  /// before it the 64-bit extension.
  public static let tailSize = 1 << 17

  /// - Parameters:
  ///   - tail: the end of the file, with `tailSize` bytes or all of it. Its first index is 0.
  ///   - fileSize: of the whole file.
  /// - Returns: nil if nothing there tells of a directory.
  /// - Throws: if what tells of it is not sound, or the directory would lie outside of the file.
  public init?(tail: ArraySlice<UInt8>, fileSize: Int) throws(Failure) {
    var end = tail.count - 22
    let least = max(0, end - 65_535)
    while end >= least, try tail.zipNumber(end, 4) != 0x0605_4B50 { end -= 1 }
    guard end >= least else { return nil }
    var (count, size, start) = (
      try tail.zipNumber(end + 10, 2), try tail.zipNumber(end + 12, 4), try tail.zipNumber(end + 16, 4)
    )
    if count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF {
      guard try tail.zipNumber(end - 20, 4) == 0x0706_4B50 else {
        throw ZipArchive.malformed("its directory is missing")
      }
      let place = try tail.zipNumber(end - 12, 8) - (fileSize - tail.count)
      guard try tail.zipNumber(place, 4) == 0x0606_4B50 else {
        throw ZipArchive.malformed("its directory is missing")
      }
      (count, size, start) = (
        try tail.zipNumber(place + 32, 8), try tail.zipNumber(place + 40, 8),
        try tail.zipNumber(place + 48, 8)
      )
    }
    guard start <= fileSize, size <= fileSize - start else {
      throw ZipArchive.malformed("its directory lies outside of it")
    }
    self.count = count
    place = start..<start + size
  }
}

extension ArraySlice<UInt8> {
  /// A number of some bytes, the least significant first.
  func zipNumber(_ position: Int, _ count: Int) throws(Failure) -> Int {
    guard position >= 0, count <= self.count, position <= self.count - count else {
      throw ZipArchive.malformed("it ends too early")
    }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(self[startIndex + position + index]) << UInt64(8 * index) }
    guard let number = Int(exactly: value) else { throw ZipArchive.malformed("a number in it is too large") }
    return number
  }
}
