/// The character that stands for each byte in byte-level vocabularies, so that any bytes can be written as text without
/// white space and control characters (Radford et al., "Language models are unsupervised multitask learners", 2019).
/// The visible characters of Latin-1 stand for themselves, the other 68 bytes, in order, for U+0100 and what follows.
enum ByteAlphabet {
  /// Byte to character.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt8 = 0
    return (0...255).map { (byte: UInt8) in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
      default:
        defer { next += 1 }
        // U+0100 to U+0143: far from the surrogates.
        return Unicode.Scalar(0x100 + UInt16(next)).unsafelyUnwrapped
      }
    }
  }()

  private static let bytes: [UInt8?] = {
    var bytes = [UInt8?](repeating: nil, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = UInt8(byte) }
    return bytes
  }()

  /// What a token's text stands for; nil if a character of it is not of this alphabet.
  static func bytes(of token: String) -> [UInt8]? {
    var result: [UInt8] = []
    for scalar in token.unicodeScalars {
      guard scalar.value < bytes.count, let byte = bytes[Int(scalar.value)] else { return nil }
      result.append(byte)
    }
    return result
  }

  static func text(of bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(scalars[Int(byte)]) }
    return String(text)
  }
}
