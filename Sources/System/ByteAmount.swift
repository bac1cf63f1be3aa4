/// Amounts of memory and disk as people write them.
package enum ByteAmount {
  /// Of `1.5G` or `1.5GiB`; nil for what is no amount or none that there is.
  package static func bytes(_ text: String) -> Int? {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    var unit = text[number.endIndex...]
    if unit.hasSuffix("iB") { unit = unit.dropLast(2) }
    guard let exponent = ["K": 10, "M": 20, "G": 30, "T": 40][unit], number.first?.isNumber == true,
      let amount = Double(number)
    else { return nil }
    let bytes = (amount * Double(1 << exponent)).rounded(.up)
    return bytes >= 1 && bytes <= Double(1 << 50) ? Int(bytes) : nil
  }
}
