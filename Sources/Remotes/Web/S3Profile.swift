/// The files in which people keep what they are known by to services of Amazon's kind: lines `[section]` and `name = value`.
enum S3Profile {
  /// The values of a section.
  static func values(of section: String, in text: String) -> [String: String] {
    var values: [String: String] = [:]
    var isWanted = false
    let header = "[\(section.filter { !$0.isWhitespace })]"
    for line in text.split(whereSeparator: \.isNewline) {
      let sides = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if line.first(where: { !$0.isWhitespace }) == "[" {
        isWanted = line.filter { !$0.isWhitespace } == header
      } else if isWanted, sides.count == 2 {
        values[trimmed(sides[0])] = trimmed(sides[1])
      }
    }
    return values
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
