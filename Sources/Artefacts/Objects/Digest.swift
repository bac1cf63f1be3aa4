internal import CCrypto

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

  /// Reads 32 bytes.
  /// - Precondition: there are as many from `offset` on.
  package init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    self.init(word: {
      UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8 * $0, as: UInt64.self))
    })
  }

  fileprivate init(word: (Int) -> UInt64) { words = (word(0), word(1), word(2), word(3)) }

  /// `sha256:` and 64 hexadecimal digits, or the digits alone; nil for anything else.
  public init?(_ text: some StringProtocol) {
    let words =
      text.utf8.withContiguousStorageIfAvailable(Digest.words)
      ?? Array(text.utf8).withUnsafeBufferPointer(Digest.words)
    guard let words else { return nil }
    self.words = words
  }

  private static func words(_ text: UnsafeBufferPointer<UInt8>) -> (UInt64, UInt64, UInt64, UInt64)? {
    let digits = text.count == 71 && text.starts(with: "sha256:".utf8) ? text[7...] : text[...]
    guard digits.count == 64 else { return nil }
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    for digit in digits {
      guard let value = value(digit) else { return nil }
      words.0 = words.0 << 4 | words.1 >> 60
      words.1 = words.1 << 4 | words.2 >> 60
      words.2 = words.2 << 4 | words.3 >> 60
      words.3 = words.3 << 4 | value
    }
    return words
  }

  private static func value(_ digit: UInt8) -> UInt64? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(digit - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(digit - UInt8(ascii: "a") + 10)
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
    [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      for word in [words.0, words.1, words.2, words.3] {
        for shift in stride(from: 56, through: 0, by: -8) {
          buffer[count] = UInt8(truncatingIfNeeded: word >> UInt64(shift))
          count += 1
        }
      }
    }
  }

  /// Without making an array of them.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    let bigEndian = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
    return withUnsafeBytes(of: bigEndian, body)
  }

  /// The smallest and the largest that there are.
  static let first = Digest(word: { _ in 0 })
  static let last = Digest(word: { _ in .max })

  /// With other first digits.
  func starting(with digits: String) -> Digest {
    Digest(digits + hex.dropFirst(digits.utf8.count)) ?? self
  }

  /// The first of the 32 bytes.
  package var firstByte: UInt8 { UInt8(truncatingIfNeeded: words.0 >> 56) }

  /// The 64 hexadecimal digits.
  public var hex: String { text(prefix: "") }

  /// The first twelve digits, for tables that people read.
  public var short: String { String(hex.prefix(12)) }

  public var description: String { text(prefix: "sha256:") }

  private func text(prefix: StaticString) -> String {
    String(unsafeUninitializedCapacity: prefix.utf8CodeUnitCount + 64) { buffer in
      let start = prefix.withUTF8Buffer { buffer.update(fromContentsOf: $0) }
      writeHex(to: buffer.baseAddress! + start)
      return start + 64
    }
  }

  /// Writes the 64 hexadecimal digits.
  func writeHex(to place: UnsafeMutablePointer<UInt8>) {
    withBytes { bytes in
      for (number, byte) in bytes.enumerated() {
        place[2 * number] = Digest.digit(byte >> 4)
        place[2 * number + 1] = Digest.digit(byte & 15)
      }
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value
  }

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
  private var state = SHA256_CTX()

  public init() { SHA256_Init(&state) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    SHA256_Update(&state, bytes.baseAddress, bytes.count)
  }

  public func finalize() -> Digest {
    var state = state
    return withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { bytes in
      SHA256_Final(bytes.baseAddress, &state)
      return Digest(word: { UInt64(bigEndian: bytes.load(fromByteOffset: 8 * $0, as: UInt64.self)) })
    }
  }
}
