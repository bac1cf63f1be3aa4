internal import Crypto

/// The SHA-256 of an artefact's logical bytes: its name, everywhere and for good.
///
/// Printed `sha256:<64 hexadecimal digits>`, the digits that `sha256sum` prints for the same bytes.
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
  // Four words instead of an array: digests are copied and compared all the time.
  private let words: (UInt64, UInt64, UInt64, UInt64)

  public init(bytes: some Sequence<UInt8>) {
    var words = [UInt64](repeating: 0, count: 4)
    var count = 0
    for byte in bytes {
      precondition(count < 32, "a digest has 32 bytes")
      words[count / 8] = words[count / 8] << 8 | UInt64(byte)
      count += 1
    }
    precondition(count == 32, "a digest has 32 bytes")
    self.words = (words[0], words[1], words[2], words[3])
  }

  /// `sha256:` and 64 hexadecimal digits, or the digits alone; nil for anything else.
  public init?(_ text: some StringProtocol) {
    var digits = Array(text.utf8)
    if digits.starts(with: "sha256:".utf8) { digits.removeFirst(7) }
    guard digits.count == 64 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: 64, by: 2) {
      guard let high = Digest.value(digits[index]), let low = Digest.value(digits[index + 1])
      else { return nil }
      bytes.append(high << 4 | low)
    }
    self.init(bytes: bytes)
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  /// The digest of bytes in memory.
  public init(of bytes: some ContiguousBytesSequence) {
    var hasher = DigestHasher()
    bytes.withBytes { hasher.update($0) }
    self = hasher.finalize()
  }

  public var bytes: [UInt8] {
    [words.0, words.1, words.2, words.3].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
    }
  }

  /// The 64 hexadecimal digits.
  public var hex: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The first twelve digits, for tables that people read.
  public var short: String { String(hex.prefix(12)) }

  public var description: String { "sha256:" + hex }

  public static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }
  public static func < (a: Digest, b: Digest) -> Bool { a.words < b.words }
  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// Bytes that lie side by side in memory.
public protocol ContiguousBytesSequence {
  func withBytes(_ body: (UnsafeRawBufferPointer) -> Void)
}

extension [UInt8]: ContiguousBytesSequence {
  public func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) { withUnsafeBytes(body) }
}

extension UnsafeRawBufferPointer: ContiguousBytesSequence {
  public func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) { body(self) }
}

/// Computes a digest piece by piece.
public struct DigestHasher: Sendable {
  private var state = SHA256()

  public init() {}

  public mutating func update(_ bytes: UnsafeRawBufferPointer) { state.update(bufferPointer: bytes) }

  public func finalize() -> Digest { Digest(bytes: state.finalize()) }
}
