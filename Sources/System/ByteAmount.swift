/// Amounts of memory and disk as people write them.
package enum ByteAmount {
  /// Of `1.5G` or `1.5GiB`, and of `1.5GB` in powers of 1000, as brake prints amounts; nil for what is no amount or none that there is.
  /// - Parameter mayBeNone: whether `0GB` is one.
  package static func bytes(_ text: String, mayBeNone: Bool) -> Int? {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let scale = scales[text[number.endIndex...]], number.first?.isNumber == true,
      let amount = Double(number)
    else { return nil }
    let bytes = (amount * scale).rounded(.up)
    return bytes >= (mayBeNone ? 0 : 1) && bytes <= Double(1 << 50) ? Int(bytes) : nil
  }

  package static func bytes(_ text: String) -> Int? { bytes(text, mayBeNone: false) }

  private static let scales: [Substring: Double] = [
    "K": 0x1p10, "M": 0x1p20, "G": 0x1p30, "T": 0x1p40,
    "KiB": 0x1p10, "MiB": 0x1p20, "GiB": 0x1p30, "TiB": 0x1p40,
    "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
  ]
}
