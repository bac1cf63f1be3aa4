/// Cyclic redundancy checks of 32 bits, as log files have them.
struct Checksum32: Sendable {
  /// That of zlib and Ethernet.
  static let ieee = Checksum32(reversedPolynomial: 0xEDB8_8320)
  /// Castagnoli's, CRC-32C.
  static let castagnoli = Checksum32(reversedPolynomial: 0x82F6_3B78)

  private let table: [UInt32]

  private init(reversedPolynomial: UInt32) {
    table = (0..<256 as Range<UInt32>).map { byte in
      (0..<8).reduce(byte) { value, _ in value & 1 == 1 ? value >> 1 ^ reversedPolynomial : value >> 1 }
    }
  }

  func callAsFunction(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { value, byte in table[Int((value ^ UInt32(byte)) & 0xFF)] ^ value >> 8 }
  }
}
