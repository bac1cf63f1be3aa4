import Safetensors
import Support
import Testing

@testable import Artefacts

/// Differences of elements, without a store.
@Suite struct DeltaTests {
  private static func split(_ bytes: [UInt8], _ base: [UInt8], width: Int, areFloats: Bool) -> [UInt8] {
    var planes = [UInt8](repeating: 0, count: bytes.count)
    bytes.withUnsafeBytes { bytes in
      base.withUnsafeBytes { base in
        planes.withUnsafeMutableBytes {
          Deltas.split(bytes, against: base, into: $0, width: width, areFloats: areFloats)
        }
      }
    }
    return planes
  }

  private static func join(_ planes: [UInt8], _ base: [UInt8], width: Int, areFloats: Bool) -> [UInt8] {
    var bytes = base
    planes.withUnsafeBytes { planes in
      bytes.withUnsafeMutableBytes { Deltas.join(planes, onto: $0, width: width, areFloats: areFloats) }
    }
    return bytes
  }

  @Test(arguments: [1, 2, 4, 8], [false, true])
  func `Any bits are joined from their differences to any others, at any length`(
    width: Int, areFloats: Bool
  ) {
    var bits = RandomBits(state: UInt64(width))
    for count in Array(0...50) + [1000] {
      let (bytes, base) = (bits.elements(count, width: width), bits.elements(count, width: width))
      let planes = DeltaTests.split(bytes, base, width: width, areFloats: areFloats)
      #expect(DeltaTests.join(planes, base, width: width, areFloats: areFloats) == bytes)
    }
  }

  private static let neighbours: [(UInt32, UInt32, UInt32)] = [
    (Float(1).nextUp.bitPattern, Float(1).bitPattern, 2 as UInt32),
    (Float(1).nextDown.bitPattern, Float(1).bitPattern, 1),
    ((-Float(1)).nextUp.bitPattern, (-Float(1)).bitPattern, 2),
    (Float(0).bitPattern, (-Float(0)).bitPattern, 2), ((-Float(0)).bitPattern, Float(0).bitPattern, 1),
    (Float.leastNonzeroMagnitude.bitPattern, Float(0).bitPattern, 2),
    (0x7FC1_2345, 0x7FC1_2345, 0), (0xFFFF_FFFF, 0, 0xFFFF_FFFF),
  ]

  @Test(arguments: neighbours)
  func `The difference of neighbours among the floats is one, whatever their sign`(
    value: UInt32, base: UInt32, difference: UInt32
  ) {
    let planes = DeltaTests.split(
      value.littleEndianBytes, base.littleEndianBytes, width: 4, areFloats: true)
    #expect(planes == difference.littleEndianBytes)
  }

  @Test func `The difference of integers wraps`() {
    let planes = DeltaTests.split([0, 0xFF, 5], [0xFF, 0, 7], width: 1, areFloats: false)
    #expect(planes == [2, 1, 3])
  }
}

/// Bits of all kinds: random ones, zeros, infinities, numbers without exponent, those that are none.
struct RandomBits {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 31
  }

  mutating func elements(_ count: Int, width: Int) -> [UInt8] {
    (0..<count).flatMap { index -> [UInt8] in
      let random = next()
      let special: UInt64
      switch index % 11 {
      case 0: special = 0
      case 1: special = 1 << UInt64(8 * width - 1)
      case 2: special = .max
      case 3: special = .max >> UInt64(65 - 8 * width)
      case 4: special = random & 0x3F
      default: special = random
      }
      return Array(special.littleEndianBytes.prefix(width))
    }
  }

  /// The same elements, each moved by a few units in the last place.
  mutating func moved(_ bytes: [UInt8], width: Int) -> [UInt8] {
    stride(from: 0, to: bytes.count, by: width).flatMap { place -> [UInt8] in
      let word = (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
      return Array((word &+ next() % 7 &- 3).littleEndianBytes.prefix(width))
    }
  }
}
