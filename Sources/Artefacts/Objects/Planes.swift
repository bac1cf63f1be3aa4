/// Splits little-endian elements of 2, 4 or 8 bytes into byte planes, lowest byte first, and joins them again.
///
/// Neighbouring floats of a tensor have similar exponents and unrelated mantissas. Rotating each left by one bit puts
/// the sign below the mantissa and the exponent into bytes of its own, which then compress well.
enum Planes {
  static func split(
    _ bytes: UnsafeRawBufferPointer, into planes: UnsafeMutableRawBufferPointer, width: Int, rotated: Bool
  ) {
    switch width {
    case 2: split(bytes, planes, UInt16.self, rotated)
    case 4: split(bytes, planes, UInt32.self, rotated)
    default: split(bytes, planes, UInt64.self, rotated)
    }
  }

  static func join(
    _ planes: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer, width: Int, rotated: Bool
  ) {
    switch width {
    case 2: join(planes, bytes, UInt16.self, rotated)
    case 4: join(planes, bytes, UInt32.self, rotated)
    default: join(planes, bytes, UInt64.self, rotated)
    }
  }

  @inline(__always)
  private static func split<Word: FixedWidthInteger & UnsignedInteger & SIMDScalar>(
    _ bytes: UnsafeRawBufferPointer, _ planes: UnsafeMutableRawBufferPointer, _: Word.Type, _ rotated: Bool
  ) {
    guard let source = bytes.baseAddress, let target = planes.baseAddress else { return }
    let width = MemoryLayout<Word>.size
    let count = bytes.count / width
    let (up, down): (Word, Word) = rotated ? (1, Word(Word.bitWidth - 1)) : (0, 0)
    let mask: Word = rotated ? .max : 0
    var index = 0
    while index + 16 <= count {
      let words = source.loadUnaligned(fromByteOffset: index * width, as: SIMD16<Word>.self)
      let turned = words &<< up | (words &>> down) & mask
      for plane in 0..<width {
        let column = SIMD16<UInt8>(truncatingIfNeeded: turned &>> Word(8 * plane))
        target.storeBytes(of: column, toByteOffset: plane * count + index, as: SIMD16<UInt8>.self)
      }
      index += 16
    }
    while index < count {
      let word = source.loadUnaligned(fromByteOffset: index * width, as: Word.self)
      let turned = word &<< up | (word &>> down) & mask
      for plane in 0..<width {
        planes[plane * count + index] = UInt8(truncatingIfNeeded: turned &>> Word(8 * plane))
      }
      index += 1
    }
  }

  @inline(__always)
  private static func join<Word: FixedWidthInteger & UnsignedInteger & SIMDScalar>(
    _ planes: UnsafeRawBufferPointer, _ bytes: UnsafeMutableRawBufferPointer, _: Word.Type, _ rotated: Bool
  ) {
    guard let source = planes.baseAddress, let target = bytes.baseAddress else { return }
    let width = MemoryLayout<Word>.size
    let count = bytes.count / width
    let (up, down): (Word, Word) = rotated ? (Word(Word.bitWidth - 1), 1) : (0, 0)
    let mask: Word = rotated ? .max : 0
    var index = 0
    while index + 16 <= count {
      var turned = SIMD16<Word>.zero
      for plane in 0..<width {
        let column = source.loadUnaligned(fromByteOffset: plane * count + index, as: SIMD16<UInt8>.self)
        turned |= SIMD16<Word>(truncatingIfNeeded: column) &<< Word(8 * plane)
      }
      let words = turned &>> down | (turned &<< up) & mask
      target.storeBytes(of: words, toByteOffset: index * width, as: SIMD16<Word>.self)
      index += 16
    }
    while index < count {
      var turned: Word = 0
      for plane in 0..<width {
        turned |= Word(planes[plane * count + index]) &<< Word(8 * plane)
      }
      let word = turned &>> down | (turned &<< up) & mask
      target.storeBytes(of: word, toByteOffset: index * width, as: Word.self)
      index += 1
    }
  }
}
