/// Cuts text into words as GPT-2 does, by the regular expression
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// Every byte of a text belongs to exactly one word.
enum WordBoundaries {
  private enum Class { case letter, number, space, other }

  /// Where the word that begins at `start` ends.
  ///
  /// - Precondition: `text` is valid UTF-8, and `start` < `text.count` is the beginning of a scalar.
  static func end(of text: Span<UInt8>, from start: Int) -> Int {
    if text[start] == UInt8(ascii: "'"), let end = contraction(text, start) { return end }
    let (first, afterFirst) = scalar(text, start)
    if first != .space { return run(of: first, text, from: afterFirst) }
    if text[start] == UInt8(ascii: " "), afterFirst < text.count {
      let (second, afterSecond) = scalar(text, afterFirst)
      if second != .space { return run(of: second, text, from: afterSecond) }
    }
    // All white space up to the last one before a word, which belongs to the word if it is a space.
    var last = start
    var end = afterFirst
    while end < text.count {
      let (next, afterNext) = scalar(text, end)
      if next != .space { return last == start ? end : last }
      last = end
      end = afterNext
    }
    return end
  }

  private static func contraction(_ text: Span<UInt8>, _ start: Int) -> Int? {
    guard start + 1 < text.count else { return nil }
    switch text[start + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    default: break
    }
    guard start + 2 < text.count else { return nil }
    switch (text[start + 1], text[start + 2]) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }

  private static func run(of kind: Class, _ text: Span<UInt8>, from start: Int) -> Int {
    var end = start
    while end < text.count {
      let (next, after) = scalar(text, end)
      if next != kind { break }
      end = after
    }
    return end
  }

  @inline(__always)
  private static func scalar(_ text: Span<UInt8>, _ start: Int) -> (Class, end: Int) {
    let byte = text[start]
    return byte < 0x80 ? (ascii[Int(byte)], start + 1) : other(text, start)
  }

  private static let ascii: InlineArray<128, Class> = InlineArray { byte in
    switch UInt8(byte) {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): .letter
    case UInt8(ascii: "0")...UInt8(ascii: "9"): .number
    case 0x09...0x0D, 0x20: .space
    default: .other
    }
  }

  private static func other(_ text: Span<UInt8>, _ start: Int) -> (Class, end: Int) {
    let (scalar, end) = text.scalar(at: start)
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return (.letter, end)
    case .decimalNumber, .letterNumber, .otherNumber: return (.number, end)
    default: return (scalar.properties.isWhitespace ? .space : .other, end)
    }
  }
}

extension Span<UInt8> {
  /// The scalar that begins at a place of valid UTF-8, and where it ends.
  func scalar(at start: Int) -> (Unicode.Scalar, end: Int) {
    let byte = UInt32(self[start])
    switch byte {
    case ..<0x80: return (scalar(byte), start + 1)
    case ..<0xE0: return (scalar((byte & 0x1F) << 6 | tail(start + 1)), start + 2)
    case ..<0xF0:
      return (scalar((byte & 0x0F) << 12 | tail(start + 1) << 6 | tail(start + 2)), start + 3)
    default:
      let high = (byte & 0x07) << 18 | tail(start + 1) << 12
      return (scalar(high | tail(start + 2) << 6 | tail(start + 3)), start + 4)
    }
  }

  /// The scalar that ends before a place of valid UTF-8, and where it begins.
  func scalar(before end: Int) -> (Unicode.Scalar, start: Int) {
    var start = end - 1
    while self[start] & 0xC0 == 0x80 { start -= 1 }
    return (scalar(at: start).0, start)
  }

  private func tail(_ place: Int) -> UInt32 { UInt32(self[place] & 0x3F) }

  private func scalar(_ value: UInt32) -> Unicode.Scalar { Unicode.Scalar(value) ?? "\u{FFFD}" }
}
