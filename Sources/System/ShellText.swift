/// Text as shells read it.
package enum ShellText {
  /// A word for a shell that stands for this text, whatever is in it.
  package static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

  /// The same, without quotes where it needs none: for people to read.
  package static func word(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy {
      48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || "-_./=:,@+%".utf8.contains($0)
    }
    return isPlain && !text.isEmpty ? text : quoted(text)
  }
}
