import System

/// Text for a table with commas (RFC 4180).
enum CSV {
  static func field(_ text: String) -> String {
    let text = text.cell.visible()
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0 == "\n" }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
