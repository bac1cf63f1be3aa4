/// What S3 services say in XML. Only the text between a few tags without attributes is read; what is not there, too long or
/// odd is as if it were not said.
enum S3Text {
  /// What stands between the first `<tag>` and `</tag>`.
  static func value(of tag: String, in text: some StringProtocol) -> String? {
    guard let range = range(of: tag, in: text) else { return nil }
    return plain(text[range])
  }

  /// What stands between each `<tag>` and `</tag>`, as it is written.
  static func blocks(of tag: String, in text: String) -> [Substring] {
    var blocks: [Substring] = []
    var rest = text[...]
    while let range = range(of: tag, in: rest) {
      blocks.append(rest[range])
      rest = rest[range.upperBound...]
    }
    return blocks
  }

  private static func range(of tag: String, in text: some StringProtocol) -> Range<String.Index>? {
    guard let start = text.firstRange(of: "<\(tag)>"),
      let end = text[start.upperBound...].firstRange(of: "</\(tag)>")
    else { return nil }
    return start.upperBound..<end.lowerBound
  }

  private static let entities = [
    ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"), ("&#39;", "'"),
    ("&amp;", "&"),
  ]

  private static func plain(_ text: some StringProtocol) -> String {
    entities.reduce(String(text)) { $0.replacing($1.0, with: $1.1) }
  }

  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
