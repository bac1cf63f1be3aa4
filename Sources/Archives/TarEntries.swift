package import System

/// The entries of a tar archive, one after the other, as it is read: of ustar, pax and GNU tar. The archive may come from anyone: what
/// the names of its entries mean is for whoever reads them to judge.
package struct TarEntries {
  package struct Entry: Sendable {
    package let name: String
    package let kind: TarHeader.Kind
    /// Bytes of its content.
    package let size: Int
    /// The last twelve bits of its mode.
    package let mode: Int
    /// What a link leads to.
    package let target: String
    /// When it was written, in whole seconds since 1970.
    package let modified: Int
    /// Where its content starts in the archive.
    package let offset: Int
  }

  /// Bytes of names and values for the next entry.
  private static let longestRecords = 1 << 16
  package static let mostEntries = 10_000_000

  private let stream: any ByteStream
  private let most: Int
  private let hasEnd: Bool
  /// Of the content of the entry that was told last.
  private var rest = 0
  private var fill = 0
  private var offset = 0
  private var count = 0
  private var isAtEnd = false

  /// - Parameters:
  ///   - most: more entries than that are refused.
  ///   - hasEnd: whether zeros have to stand behind the last entry, as the format says. Some programs leave them out, and who knows the
  ///     digest of the archive does not need them.
  package init(_ stream: any ByteStream, most: Int = TarEntries.mostEntries, hasEnd: Bool = true) {
    self.stream = stream
    self.most = most
    self.hasEnd = hasEnd
  }

  /// The next entry; nil behind the last one. What was not read of the one before is passed over.
  package mutating func next() throws -> Entry? {
    if isAtEnd { return nil }
    try pass()
    var next = PaxRecords()
    while true {
      try Task.checkCancellation()
      let block = try bytes(TarHeader.block)
      if block.isEmpty, !hasEnd {
        isAtEnd = true
        return nil
      }
      guard block.count == TarHeader.block else { throw cutOff }
      if block.allSatisfy({ $0 == 0 }) {
        isAtEnd = true
        return nil
      }
      let header = try TarHeader(block)
      switch header.kind {
      case .extended, .global, .longName, .longTarget:
        if let left = stream.left, header.size > left { throw cutOff }
        guard header.size <= TarEntries.longestRecords else {
          throw TarHeader.malformed("a name is too long")
        }
        rest = header.size
        fill = TarEntries.fill(after: rest)
        let bytes = try take(rest)
        rest = 0
        try next.take(bytes, header.kind)
        try pass()
      default:
        count += 1
        if count > most { throw TarHeader.malformed("it holds more than \(most) files") }
        // What a link, folder or device has as its size is no size of a content.
        rest = header.kind == .file ? next.size ?? header.size : 0
        if let left = stream.left, rest > left { throw cutOff }
        fill = TarEntries.fill(after: rest)
        return Entry(
          name: next.name ?? header.name, kind: header.kind, size: rest, mode: header.mode,
          target: next.target ?? header.target, modified: header.modified, offset: offset)
      }
    }
  }

  /// Hands out the content of the entry that was told last, piece by piece.
  package mutating func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, min(rest, 1 << 18)), alignment: 64)
    defer { buffer.deallocate() }
    while rest > 0 {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(rest))
      let read = try stream.read(into: part)
      rest -= read
      offset += read
      if read < part.count { throw cutOff }
      try body(UnsafeRawBufferPointer(part))
    }
  }

  private static func fill(after size: Int) -> Int {
    (TarHeader.block - size % TarHeader.block) % TarHeader.block
  }

  private mutating func pass() throws {
    guard try stream.skip(rest) == rest else { throw cutOff }
    guard try stream.skip(fill) == fill || !hasEnd else { throw cutOff }
    offset &+= rest &+ fill
    rest = 0
    fill = 0
  }

  private mutating func take(_ count: Int) throws -> [UInt8] {
    let bytes = try bytes(count)
    guard bytes.count == count else { throw cutOff }
    return bytes
  }

  /// As many as there are.
  private mutating func bytes(_ count: Int) throws -> [UInt8] {
    var read = 0
    let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
      read = try stream.read(into: UnsafeMutableRawBufferPointer(buffer))
      length = read
    }
    offset &+= read
    return bytes
  }

  private var cutOff: Failure { TarHeader.malformed("it is cut off") }
}
