/// Amounts of memory and disk as people write them.
package enum ByteAmount {
  /// Of `1.5G` or `1.5GiB`, and of `1.5GB` in powers of 1000, as brake prints amounts; nil for what is no amount or none that there is.
  /// - Parameter mayBeNone: whether `0GB` is one.
  package static func bytes(_ text: String, mayBeNone: Bool) -> Int? {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let scale = scales[text[number.endIndex...].lowercased()], number.first?.isNumber == true,
      let amount = Double(number)
    else { return nil }
    let bytes = (amount * scale).rounded(.up)
    return bytes >= (mayBeNone ? 0 : 1) && bytes <= Double(1 << 50) ? Int(bytes) : nil
  }

  package static func bytes(_ text: String) -> Int? { bytes(text, mayBeNone: false) }

  /// People write these in small and in large letters.
  private static let scales: [String: Double] = [
    "k": 0x1p10, "m": 0x1p20, "g": 0x1p30, "t": 0x1p40,
    "kib": 0x1p10, "mib": 0x1p20, "gib": 0x1p30, "tib": 0x1p40,
    "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
  ]
}
