/// A number by its digits, however many there are, so that 1 and 1.00 are one, and 9007199254740992 and ...993 are not.
struct ExactDecimal: Equatable {
  private let isNegative: Bool
  /// Without zeros at either end; none for zero.
  private let digits: [UInt8]
  /// Of ten, by which the digits as a whole number are multiplied.
  private let exponent: Int

  /// Nil if the text is no decimal. An exponent needs a sign, or a point before it: `12e3` may as well be a name.
  init?(_ text: String) {
    var rest = Array(text.utf8)[...]
    let sign = rest.first
    if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest = rest.dropFirst() }
    func isDigit(_ byte: UInt8) -> Bool { 48...57 ~= byte }
    let whole = rest.prefix(while: isDigit)
    rest = rest.dropFirst(whole.count)
    let hasPoint = rest.first == UInt8(ascii: ".")
    if hasPoint { rest = rest.dropFirst() }
    let fraction = rest.prefix(while: isDigit)
    rest = rest.dropFirst(fraction.count)
    guard whole.count + fraction.count > 0 else { return nil }
    var power = 0
    if let mark = rest.first {
      let exponent = rest.dropFirst()
      let isSigned = exponent.first == UInt8(ascii: "-") || exponent.first == UInt8(ascii: "+")
      guard mark | 0x20 == UInt8(ascii: "e"), hasPoint || isSigned, exponent.count < 10,
        let value = Int(String(decoding: exponent, as: UTF8.self))
      else { return nil }
      power = value
    }
    var digits = (whole + fraction).drop { $0 == 48 }
    power -= fraction.count
    while digits.last == 48 {
      digits.removeLast()
      power += 1
    }
    self.digits = Array(digits)
    isNegative = !digits.isEmpty && sign == UInt8(ascii: "-")
    exponent = digits.isEmpty ? 0 : power
  }
}
