import Glibc
import JSON

/// How far one number is from another.
struct NumberChange: Sendable {
  let absolute: Double
  /// Of what it was before; nil where that was zero.
  let relative: Double?

  /// Nil where there is no such distance, as to what is not a number, or between what becomes the same double.
  init?(_ before: Double, _ now: Double) {
    let difference = now - before
    guard difference.isFinite, difference != 0 else { return nil }
    absolute = abs(difference)
    relative = before == 0 ? nil : abs(difference / before)
  }

  /// Of whole numbers, which may have more digits than a double holds. Nil where their distance does not fit.
  init?(_ before: Int128, _ now: Int128) {
    let (difference, overflows) = now.subtractingReportingOverflow(before)
    if overflows { return nil }
    absolute = abs(Double(difference))
    relative = before == 0 ? nil : abs(Double(difference) / Double(before))
  }

  /// `by 0.0012 (0.34 %)`
  var text: String {
    "by " + NumberChange.text(absolute) + (relative.map { " (\(NumberChange.text($0 * 100)) %)" } ?? "")
  }

  /// Three significant digits.
  static func text(_ value: Double) -> String {
    var buffer = [CChar](repeating: 0, count: 40)
    let count = withVaList([value]) { vsnprintf(&buffer, buffer.count, "%.3g", $0) }
    return String(decoding: buffer.prefix(Int(max(count, 0))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension JSON {
  /// A number that may not be finite, as null then.
  static func finite(_ value: Double?) -> JSON { value.map { $0.isFinite ? .number($0) : .null } ?? .null }
}
