extension String {
  /// As much of a text as fits into a message, in one line.
  var excerpt: String {
    let line = String(prefix(60).map { $0.isNewline || $0 == "\t" ? " " : $0 })
    return line.count < count ? line + "…" : line
  }
}
