import System

/// Comma-separated values (RFC 4180, with line feeds). No text in them is a formula.
struct CSV {
  private(set) var text = ""

  init(_ header: [String]) { add(header) }

  mutating func add(_ fields: [String]) {
    text += fields.map(CSV.field).joined(separator: ",") + "\n"
  }

  var bytes: [UInt8] { Array(text.utf8) }

  private static func field(_ value: String) -> String {
    let text = value.cell
    let needsQuotes = text.unicodeScalars.contains { ",\"\n\r".unicodeScalars.contains($0) }
    guard needsQuotes || text.first == " " || text.last == " " else { return text }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      + "\""
  }
}
