/// Bytes that are read once, one after the other.
package protocol ByteStream: AnyObject {
  /// Fills the buffer as far as the bytes reach.
  /// - Returns: how many were read: fewer than there is room for only at their end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
  /// How many are left, where that is known without reading them.
  var left: Int? { get }
  /// Passes over bytes, as far as they reach.
  /// - Returns: how many were passed over.
  func skip(_ count: Int) throws -> Int
}

extension ByteStream {
  package var left: Int? { nil }

  package func skip(_ count: Int) throws -> Int {
    try withUnsafeTemporaryAllocation(byteCount: max(1, min(count, 1 << 16)), alignment: 16) { buffer in
      var done = 0
      while done < count {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count - done))
        let read = try read(into: part)
        done += read
        if read < part.count { break }
      }
      return done
    }
  }
}

/// The bytes of a part of a file.
package final class FileBytes: ByteStream {
  private let file: InputFile
  private var offset: Int
  private let end: Int

  /// - Parameter range: within the file; nil for all of it.
  package init(_ file: consuming InputFile, _ range: Range<Int>? = nil) {
    offset = range?.lowerBound ?? 0
    end = range?.upperBound ?? file.size
    self.file = file
  }

  package var left: Int? { end - offset }

  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(end - offset))
    if part.isEmpty { return 0 }
    let count = try file.read(into: part, at: offset)
    offset += count
    return count
  }

  package func skip(_ count: Int) -> Int {
    let passed = min(count, end - offset)
    offset += passed
    return passed
  }
}
