internal import Glibc

/// Numbers as people read them. Minus signs are real ones (−) unless said otherwise.
enum Format {
  /// With so many decimals.
  static func fixed(_ value: Double, _ decimals: Int) -> String { minus(printed("%.*f", decimals, value)) }

  /// With so many significant digits; in powers of ten only where the number is very large or small.
  static func significant(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "not a number" : value < 0 ? "−∞" : "∞" }
    guard value != 0 else { return "0" }
    let exponent = Format.exponent(value, digits)
    guard (-5..<9).contains(exponent) else { return minus(printed("%.*e", digits - 1, value)) }
    return fixed(value, max(0, digits - 1 - exponent))
  }

  /// As few digits as tell it from others of its kind: `%g`.
  static func short(_ value: Double) -> String { minus(printed("%.*g", 6, value)) }

  /// The shortest digits that read back as the same number, for machines.
  static func exact(_ value: Double) -> String {
    if let whole = Int64(exactly: value), abs(value) < 1e15 { return String(whole) }
    return String(value)
  }

  /// So many significant digits, for machines.
  static func plain(_ value: Double, _ digits: Int) -> String { printed("%.*g", digits, value) }

  /// The decimals that two significant digits of a standard error leave a value; nil where the error says nothing.
  static func decimals(error: Double?) -> Int? {
    guard let error, error.isFinite, error > 0 else { return nil }
    let exponent = exponent(error, 2)
    guard (-12..<9).contains(exponent) else { return nil }
    return max(0, 1 - exponent)
  }

  /// Value and standard error, both to two significant digits of the error; four digits where no error is known.
  static func value(_ value: Double, error: Double?) -> String {
    guard let error, let decimals = decimals(error: error) else { return significant(value, 4) }
    return "\(fixed(value, decimals)) ± \(fixed(error, decimals))"
  }

  /// The whole part, as published tables print steps.
  static func whole(_ value: Double) -> String { fixed(value.rounded(.towardZero), 0) }

  /// `5,877` is `5 877`: thousands apart, by a thin space.
  static func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = value < 0 ? "−" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, digits.count > 4, (digits.count - index) % 3 == 0 { text += "\u{202F}" }
      text.append(digit)
    }
    return text
  }

  /// The power of ten of the first digit once the value is rounded to so many digits.
  private static func exponent(_ value: Double, _ digits: Int) -> Int {
    let text = printed("%.*e", digits - 1, value)
    return text.split(separator: "e").last.flatMap { Int($0) } ?? 0
  }

  private static func minus(_ text: String) -> String {
    guard text.hasPrefix("-") else { return text }
    // A rounded zero has no sign.
    return text.contains { ("1"..."9").contains($0) } ? "−" + text.dropFirst() : String(text.dropFirst())
  }

  private static func printed(_ format: String, _ precision: Int, _ value: Double) -> String {
    withVaList([Int32(precision), value]) { arguments in
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
        let count = vsnprintf(buffer.baseAddress, buffer.count, format, arguments)
        return String(decoding: buffer.prefix(Int(count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
      }
    }
  }
}
