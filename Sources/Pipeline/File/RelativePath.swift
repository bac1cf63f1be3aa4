import Actions

/// A path that stays inside the folder it is relative to.
struct RelativePath {
  /// Without `.`, doubled slashes or a slash at the end.
  let text: String

  var isEmpty: Bool { text.isEmpty }

  /// - Parameter what: which path it is, for messages.
  init(_ text: String, what: String, at position: Position) throws(PipelineError) {
    func refuse(_ reason: String) -> PipelineError {
      PipelineError(
        "the \(what) path '\(text)' \(reason)", at: position, hint: "give a path inside the pipeline's folder"
      )
    }
    if text.hasPrefix("/") { throw refuse("is absolute") }
    if text.utf8.count > 4000 { throw refuse("is too long") }
    if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) { throw refuse("holds a control character") }
    if RelativePath.isNormal(text) {
      self.text = text
      return
    }
    var parts: [Substring] = []
    for part in text.split(separator: "/") where part != "." {
      if part == ".." { throw refuse("leads outside by '..'") }
      if part.utf8.count > 255 { throw refuse("has a name of more than 255 bytes") }
      parts.append(part)
    }
    self.text = parts.joined(separator: "/")
  }

  /// Whether a path has no part that must be looked at: the most common case, told in one go.
  private static func isNormal(_ text: String) -> Bool {
    var length = 0
    var dots = 0
    for byte in text.utf8 {
      if byte == UInt8(ascii: "/") {
        if length == dots, dots <= 2 || length == 0 { return false }
        (length, dots) = (0, 0)
        continue
      }
      length += 1
      if byte == UInt8(ascii: ".") { dots += 1 }
      if length > 255 { return false }
    }
    return length > 0 && !(length == dots && dots <= 2)
  }

  /// Whether the two are the same, or one lies inside the other.
  func overlaps(_ other: String) -> Bool {
    let other = other.hasSuffix("/") ? String(other.dropLast()) : other
    return text == other || text.hasPrefix(other + "/") || other.hasPrefix(text + "/")
  }
}
