/// Reading of decimal numbers from bytes, correctly rounded.
enum NumberText {
  /// - Returns: nil for anything but a decimal number, `nan` or an infinity; spaces around it are skipped.
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
    var start = 0
    var end = bytes.count
    while start < end, isSpace(bytes[start]) { start += 1 }
    while end > start, isSpace(bytes[end - 1]) { end -= 1 }
    guard start < end, end - start <= 400 else { return nil }
    let text = UnsafeBufferPointer(rebasing: bytes[start..<end])
    return decimal(text) ?? named(text)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }

  private static func decimal(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    var index = 0
    var isNegative = false
    if text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+") {
      isNegative = text[0] == UInt8(ascii: "-")
      index = 1
    }
    var mantissa: UInt64 = 0
    var digits = 0
    var scale = 0
    var isFraction = false
    while index < text.count {
      let byte = text[index]
      if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
        digits += 1
        if mantissa < 1_000_000_000_000_000_000 {
          mantissa = mantissa * 10 + UInt64(byte & 15)
        } else {
          mantissa = .max
        }
        if isFraction { scale -= 1 }
      } else if byte == UInt8(ascii: "."), !isFraction {
        isFraction = true
      } else {
        break
      }
      index += 1
    }
    guard digits > 0 else { return nil }
    if index < text.count {
      guard text[index] | 0x20 == UInt8(ascii: "e"), let exponent = exponent(text, from: index + 1) else {
        return nil
      }
      scale += exponent
    }
    // Both factors are exact, so that one rounding remains (Clinger, 1990).
    if mantissa <= 1 << 53, scale.magnitude <= 22 {
      let power = powers[Int(scale.magnitude)]
      let value = scale < 0 ? Double(mantissa) / power : Double(mantissa) * power
      return isNegative ? -value : value
    }
    return Double(String(decoding: text, as: UTF8.self))
  }

  private static func exponent(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    var index = start
    var isNegative = false
    if index < text.count, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
      isNegative = text[index] == UInt8(ascii: "-")
      index += 1
    }
    guard index < text.count else { return nil }
    var value = 0
    while index < text.count {
      guard text[index] >= UInt8(ascii: "0"), text[index] <= UInt8(ascii: "9") else { return nil }
      value = min(value * 10 + Int(text[index] & 15), 100_000)
      index += 1
    }
    return isNegative ? -value : value
  }

  private static let powers: [Double] = (0...22).map { (0..<$0).reduce(1.0) { power, _ in power * 10 } }

  private static func named(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    switch String(decoding: text.map { $0 | 0x20 }, as: UTF8.self) {
    case "nan", "-nan": .nan
    case "inf", "+inf", "infinity": .infinity
    case "-inf", "-infinity": -.infinity
    default: nil
    }
  }
}
