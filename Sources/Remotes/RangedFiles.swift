/// A place that hands out parts of its files.
protocol RangedFiles: RemoteFiles {
  /// Reads a part of a file. The thread waits for it.
  /// - Throws: if it does not answer, or what it sends is not that part.
  func read(_ part: WantedPart, of path: String) throws -> FilePart
}

enum WantedPart {
  /// So many bytes at the end; of a shorter file, all.
  case last(Int)
  case range(Range<Int>)

  /// As HTTP writes it (RFC 9110, section 14.1.2).
  var text: String {
    switch self {
    case .last(let count): "bytes=-\(count)"
    case .range(let range): "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
    }
  }

  /// Where it is in a file of a size.
  func range(in size: Int) -> Range<Int> {
    switch self {
    case .last(let count): max(0, size - count)..<size
    case .range(let range): range.clamped(to: 0..<size)
    }
  }

  /// Bytes at most.
  var limit: Int {
    switch self {
    case .last(let count): count
    case .range(let range): range.count
    }
  }
}

enum FilePart {
  case bytes([UInt8], ofSize: Int)
  /// There is no such file.
  case missing
  /// It hands out whole files only.
  case wholeOnly
}
