import Glibc

/// `1.3 ms`, `0.42 s`, `12.3 s`, `4:05 min`, `2:03:10 h`.
func duration(_ seconds: Double) -> String {
  if seconds < 0.00995 { return fixed(seconds * 1000, 1) + " ms" }
  if seconds < 9.995 { return fixed(seconds, 2) + " s" }
  if seconds < 59.95 { return fixed(seconds, 1) + " s" }
  return clock(seconds) + (seconds < 3600 ? " min" : " h")
}

/// `0:07`, `4:05`, `2:03:10`.
func clock(_ seconds: Double) -> String {
  let whole = Int(min(max(seconds, 0), 1e9))
  func two(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }
  if whole < 3600 { return "\(whole / 60):\(two(whole % 60))" }
  return "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
}

/// `812 B`, `1.24 kB`, `311 MB`: three digits, powers of 1000.
func byteCount(_ bytes: Int) -> String {
  var value = Double(bytes)
  var unit = 0
  let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
  while value >= 999.5 && unit < units.count - 1 {
    value /= 1000
    unit += 1
  }
  return (unit == 0 ? String(bytes) : fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0)) + " "
    + units[unit]
}

/// A number with so many decimals.
func fixed(_ value: Double, _ decimals: Int) -> String {
  guard value.isFinite, value.magnitude < 1e15 else { return String(value) }
  var scale = 1.0
  for _ in 0..<decimals { scale *= 10 }
  let scaled = (value.magnitude * scale).rounded()
  guard scaled < 9e18 else { return String(value) }
  let sign = value < 0 && scaled > 0 ? "-" : ""
  let digits = String(Int64(scaled))
  if decimals == 0 { return sign + digits }
  let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
  return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
}

/// A number with so many significant digits.
func significant(_ value: Double, _ digits: Int) -> String {
  var buffer = [CChar](repeating: 0, count: 64)
  let count = withVaList([Int32(digits), value]) { vsnprintf(&buffer, buffer.count, "%.*g", $0) }
  return String(decoding: buffer.prefix(Int(max(count, 0))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
