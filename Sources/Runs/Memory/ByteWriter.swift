import Artefacts
import System

/// Numbers, texts and digests one after the other; numbers little-endian, texts behind their lengths.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  mutating func add(_ more: [UInt8]) { bytes += more }
  mutating func add(_ more: ArraySlice<UInt8>) { bytes += more }
  mutating func add(_ digest: Digest) { digest.withBytes { bytes.append(contentsOf: $0) } }
  mutating func add(_ status: FileStatus.Key) { status.withBytes { bytes.append(contentsOf: $0) } }
  mutating func add(byte: UInt8) { bytes.append(byte) }

  mutating func add(count: Int) {
    withUnsafeBytes(of: UInt32(truncatingIfNeeded: count).littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(size: Int) {
    withUnsafeBytes(of: UInt64(truncatingIfNeeded: size).littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Puts a digest over what stands at a place.
  mutating func replace(_ digest: Digest, at place: Int) {
    digest.withBytes { bytes.replaceSubrange(place..<place + 32, with: $0) }
  }

  mutating func add(text: String) {
    add(count: text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }
}

/// Reads what a `ByteWriter` wrote. What is cut short or impossible is an error, never a crash.
struct ByteReader {
  struct Malformed: Error {}

  private let bytes: ArraySlice<UInt8>
  private(set) var place: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    place = bytes.startIndex
  }

  mutating func take(_ count: Int) throws(Malformed) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.endIndex - place else { throw Malformed() }
    defer { place += count }
    return bytes[place..<place + count]
  }

  mutating func byte() throws(Malformed) -> UInt8 { try take(1).first! }

  mutating func digest() throws(Malformed) -> Digest {
    let bytes = try take(32)
    return bytes.withUnsafeBytes { Digest($0, at: 0) }
  }

  /// Four bytes.
  mutating func number() throws(Malformed) -> Int {
    let bytes = try take(4)
    return bytes.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))) }
  }

  /// - Parameter size: how many bytes each of them takes at least.
  mutating func count(of size: Int = 1) throws(Malformed) -> Int {
    let count = try number()
    guard count * size <= bytes.endIndex - place else { throw Malformed() }
    return count
  }

  mutating func size() throws(Malformed) -> Int {
    let bytes = try take(8)
    let size = bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard let size = Int(exactly: size) else { throw Malformed() }
    return size
  }

  mutating func text() throws(Malformed) -> String {
    guard let text = String(validating: try take(try count()), as: UTF8.self) else { throw Malformed() }
    return text
  }
}
