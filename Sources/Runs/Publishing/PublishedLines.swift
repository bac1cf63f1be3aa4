import Artefacts
import Glibc

/// The lines of a file that says what was published. There may be a hundred thousand, nearly all of them like one another:
///
///     ["file","PATH","sha256:DIGITS","RUN"]
struct PublishedLines: IteratorProtocol {
  private let bytes: UnsafeRawBufferPointer
  private var start = 0
  /// That of the line before, which is that of most.
  private var run = ""

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Bytes of a line whose path is as long as most.
  static let usualLength = 130

  private static let opening = StaticString(#"["file",""#)
  private static let beforeDigest = StaticString(#"","sha256:"#)
  private static let beforeRun = StaticString(#"",""#)
  private static let end = StaticString(#""]"#)
  private static let runLength = 16

  /// What follows the path.
  private static let tail =
    beforeDigest.utf8CodeUnitCount + 64 + beforeRun.utf8CodeUnitCount + runLength + end.utf8CodeUnitCount

  /// The next line that is not empty, without its line break.
  mutating func next() -> UnsafeRawBufferPointer? {
    while start < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
      let length = PublishedLines.place(of: "\n", in: rest) ?? rest.count
      start += length + 1
      if length > 0 { return UnsafeRawBufferPointer(rebasing: rest[..<length]) }
    }
    return nil
  }

  /// What such a line says if nothing in it is escaped; nil for any other.
  mutating func plainFile(_ line: UnsafeRawBufferPointer) -> (path: String, digest: Digest, run: String)? {
    let first = PublishedLines.opening.utf8CodeUnitCount
    let last = line.count - PublishedLines.tail
    guard last > first, PublishedLines.has(PublishedLines.opening, line, at: 0),
      PublishedLines.has(PublishedLines.beforeDigest, line, at: last)
    else { return nil }
    let digits = last + PublishedLines.beforeDigest.utf8CodeUnitCount
    guard PublishedLines.has(PublishedLines.beforeRun, line, at: digits + 64),
      PublishedLines.has(PublishedLines.end, line, at: line.count - PublishedLines.end.utf8CodeUnitCount)
    else { return nil }
    let path = UnsafeRawBufferPointer(rebasing: line[first..<last])
    let runStart = digits + 64 + PublishedLines.beforeRun.utf8CodeUnitCount
    let run = UnsafeRawBufferPointer(rebasing: line[runStart..<runStart + PublishedLines.runLength])
    guard PublishedLines.isPlain(path), PublishedLines.isPlain(run),
      let path = String(validating: path, as: UTF8.self),
      let digest = Digest(hex: line, at: digits)
    else { return nil }
    if !self.run.utf8.elementsEqual(run) {
      guard let text = String(validating: run, as: UTF8.self) else { return nil }
      self.run = text
    }
    return (path, digest, self.run)
  }

  private static func has(_ text: StaticString, _ line: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    memcmp(line.baseAddress! + offset, text.utf8Start, text.utf8CodeUnitCount) == 0
  }

  private static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
    place(of: "\"", in: text) == nil && place(of: "\\", in: text) == nil
  }

  private static func place(of character: Unicode.Scalar, in bytes: UnsafeRawBufferPointer) -> Int? {
    guard let start = bytes.baseAddress else { return nil }
    return memchr(start, Int32(character.value), bytes.count).map { UnsafeRawPointer($0) - start }
  }
}
