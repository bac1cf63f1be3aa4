public import JSON

/// What differs between two files of which nothing more is known.
public struct ByteDifference: Difference {
  public static let kind = "bytes"
  public let sizeBefore: Int
  public let sizeNow: Int
  /// Of the first byte that differs, or that only one of them has.
  public let firstOffset: Int
  /// Bytes that differ, as far as both files reach.
  public let differing: Int

  private static let piece = 1 << 20

  /// Nil if they are the same.
  init?(_ before: any ByteSource, _ now: any ByteSource) throws {
    let common = min(before.size, now.size)
    var first: Int?
    var differing = 0
    try Buffers.withPair(of: min(common, ByteDifference.piece)) { old, new in
      var offset = 0
      while offset < common {
        let count = min(ByteDifference.piece, common - offset)
        let a = UnsafeMutableRawBufferPointer(rebasing: old[..<count])
        let b = UnsafeMutableRawBufferPointer(rebasing: new[..<count])
        try before.read(into: a, at: offset)
        try now.read(into: b, at: offset)
        if !Buffers.areEqual(a, b) {
          for index in 0..<count where a[index] != b[index] {
            if first == nil { first = offset + index }
            differing += 1
          }
        }
        offset += count
      }
    }
    if first == nil && before.size == now.size { return nil }
    sizeBefore = before.size
    sizeNow = now.size
    firstOffset = first ?? common
    self.differing = differing
  }

  public var headline: String {
    let sizes = sizeBefore == sizeNow ? "\(sizeNow) bytes both" : "\(sizeBefore) bytes, now \(sizeNow)"
    let count =
      differing == 0
      ? "one is the start of the other" : "\(Listing.count(differing, "byte differs", "bytes differ"))"
    return "\(sizes); \(count), the first at offset \(firstOffset)"
  }

  public func details(most: Int) -> [String] { [] }

  public var json: [String: JSON] {
    [
      "bytes_before": .integer(Int64(sizeBefore)), "bytes_now": .integer(Int64(sizeNow)),
      "first_offset": .integer(Int64(firstOffset)), "differing": .integer(Int64(differing)),
    ]
  }
}
