package enum ShellText {
  /// A word for a shell that stands for this text, whatever is in it.
  package static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
