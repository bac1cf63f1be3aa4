/// Differences of little-endian elements of 1, 2, 4 or 8 bytes from those of another object, split into byte planes, lowest
/// byte first.
///
/// Each element is taken as an unsigned integer in the order of the numbers: of a float, whose sign and magnitude its bits
/// are, all bits are inverted where the sign is set, and the sign alone elsewhere; an integer stays as it is. What is
/// kept is the difference modulo 2 to the number of bits, with its sign moved into the lowest bit: 0, -1, 1, -2 …
/// become 0, 1, 2, 3 … Weights that a training has moved by little differ in their lowest bytes only, whatever
/// exponent they have.
enum Deltas {
  /// - Parameter base: as many bytes as `bytes`.
  static func split(
    _ bytes: UnsafeRawBufferPointer, against base: UnsafeRawBufferPointer,
    into planes: UnsafeMutableRawBufferPointer, width: Int, areFloats: Bool
  ) {
    switch width {
    case 1: split(bytes, base, planes, Order<UInt8>(areFloats: areFloats))
    case 2: split(bytes, base, planes, Order<UInt16>(areFloats: areFloats))
    case 4: split(bytes, base, planes, Order<UInt32>(areFloats: areFloats))
    default: split(bytes, base, planes, Order<UInt64>(areFloats: areFloats))
    }
  }

  /// - Parameter bytes: those of the base, in whose place the elements are written.
  static func join(
    _ planes: UnsafeRawBufferPointer, onto bytes: UnsafeMutableRawBufferPointer, width: Int, areFloats: Bool
  ) {
    switch width {
    case 1: join(planes, bytes, Order<UInt8>(areFloats: areFloats))
    case 2: join(planes, bytes, Order<UInt16>(areFloats: areFloats))
    case 4: join(planes, bytes, Order<UInt32>(areFloats: areFloats))
    default: join(planes, bytes, Order<UInt64>(areFloats: areFloats))
    }
  }

  /// Turns elements into integers in the order of the numbers, and back.
  private struct Order<Word: FixedWidthInteger & UnsignedInteger & SIMDScalar> {
    /// All bits for floats, none for integers.
    let mask: Word
    let sign = Word(1) << Word(Word.bitWidth - 1)
    let last = Word(Word.bitWidth - 1)

    init(areFloats: Bool) { mask = areFloats ? .max : 0 }

    @inline(__always) func difference(_ word: SIMD16<Word>, _ base: SIMD16<Word>) -> SIMD16<Word> {
      let difference = number(word) &- number(base)
      return difference &<< 1 ^ (0 &- (difference &>> last))
    }

    @inline(__always) func word(_ difference: SIMD16<Word>, _ base: SIMD16<Word>) -> SIMD16<Word> {
      let number = (difference &>> 1 ^ (0 &- (difference & 1))) &+ number(base)
      return number ^ (((number &>> last) &- 1) | sign) & mask
    }

    @inline(__always) private func number(_ word: SIMD16<Word>) -> SIMD16<Word> {
      word ^ ((0 &- (word &>> last)) | sign) & mask
    }
  }

  @inline(__always)
  private static func split<Word>(
    _ bytes: UnsafeRawBufferPointer, _ base: UnsafeRawBufferPointer, _ planes: UnsafeMutableRawBufferPointer,
    _ order: Order<Word>
  ) {
    let width = MemoryLayout<Word>.size
    let count = bytes.count / width
    forEachGroup(of: count) { index, size in
      let words = load(bytes, index, size, Word.self)
      let differences = order.difference(words, load(base, index, size, Word.self))
      for plane in 0..<width {
        let column = SIMD16<UInt8>(truncatingIfNeeded: differences &>> Word(8 * plane))
        store(column, planes, at: plane * count + index, size)
      }
    }
  }

  @inline(__always)
  private static func join<Word>(
    _ planes: UnsafeRawBufferPointer, _ bytes: UnsafeMutableRawBufferPointer, _ order: Order<Word>
  ) {
    let width = MemoryLayout<Word>.size
    let count = bytes.count / width
    forEachGroup(of: count) { index, size in
      var differences = SIMD16<Word>.zero
      for plane in 0..<width {
        let column = load(planes, plane * count + index, size, UInt8.self)
        differences |= SIMD16<Word>(truncatingIfNeeded: column) &<< Word(8 * plane)
      }
      let base = load(UnsafeRawBufferPointer(bytes), index, size, Word.self)
      store(order.word(differences, base), bytes, at: index * width, size)
    }
  }

  /// Calls the body for sixteen elements at a time, and for the rest.
  @inline(__always) private static func forEachGroup(
    of count: Int, _ body: (_ index: Int, _ size: Int) -> Void
  ) {
    var index = 0
    while index + 16 <= count {
      body(index, 16)
      index += 16
    }
    if index < count { body(index, count - index) }
  }

  /// Elements from an index on; zeros behind the last.
  @inline(__always) private static func load<Word: FixedWidthInteger & SIMDScalar>(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, _ size: Int, _: Word.Type
  ) -> SIMD16<Word> {
    let width = MemoryLayout<Word>.size
    if size == 16 {
      return bytes.baseAddress!.loadUnaligned(fromByteOffset: index * width, as: SIMD16<Word>.self)
    }
    var words = SIMD16<Word>()
    withUnsafeMutableBytes(of: &words) {
      $0.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[index * width..<(index + size) * width]))
    }
    return words
  }

  @inline(__always) private static func store<Word: FixedWidthInteger & SIMDScalar>(
    _ words: SIMD16<Word>, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int, _ size: Int
  ) {
    if size == 16 {
      return bytes.baseAddress!.storeBytes(of: words, toByteOffset: offset, as: SIMD16<Word>.self)
    }
    withUnsafeBytes(of: words) {
      UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + size * MemoryLayout<Word>.size])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<(size * MemoryLayout<Word>.size)]))
    }
  }
}
