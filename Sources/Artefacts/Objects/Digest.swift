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
    let digest =
      text.utf8.withContiguousStorageIfAvailable(Digest.read)
      ?? Array(text.utf8).withUnsafeBufferPointer(Digest.read)
    guard let digest else { return nil }
    self = digest
  }

  private static func read(_ text: UnsafeBufferPointer<UInt8>) -> Digest? {
    let start = text.count == 71 && text.starts(with: "sha256:".utf8) ? 7 : 0
    return text.count == start + 64 ? Digest(hex: UnsafeRawBufferPointer(text), at: start) : nil
  }

  /// Reads 64 hexadecimal digits; nil if one of them is none.
  /// - Precondition: there are as many from `offset` on.
  package init?(hex text: UnsafeRawBufferPointer, at offset: Int) {
    var isRight = true
    self.init { word in
      var value: UInt64 = 0
      for place in offset + 16 * word..<offset + 16 * word + 16 {
        let digit = Digest.values[Int(text[place])]
        if digit > 15 { isRight = false }
        value = value << 4 | UInt64(digit & 15)
      }
      return value
    }
    if !isRight { return nil }
  }

  /// What each byte is worth as a hexadecimal digit; 255 for what is none.
  private static let values: [UInt8] = (0...255).map { byte in
    switch UInt8(byte) {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt8(byte) - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt8(byte) - UInt8(ascii: "a") + 10
    default: 255
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
    var start = UnsafeMutableRawPointer(place)
    for word in [words.0, words.1, words.2, words.3] {
      let bytes = unsafeBitCast(word.bigEndian, to: SIMD8<UInt8>.self)
      var digits = SIMD16<UInt8>()
      digits.evenHalf = bytes &>> 4
      digits.oddHalf = bytes & 15
      let texts = digits &+ UInt8(ascii: "0")
      let letters = digits &+ (UInt8(ascii: "a") - 10)
      start.storeBytes(of: texts.replacing(with: letters, where: digits .> 9), as: SIMD16<UInt8>.self)
      start += 16
    }
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
