/// Text in a gnuplot script.
enum GnuplotText {
  /// A single-quoted string: gnuplot expands nothing in it. Text from outside is drawn as it is written where the
  /// command adds `noenhanced`.
  static func quoted(_ text: String) -> String {
    "'" + cleaned(text).split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  /// Without control characters, and no longer than a label can be.
  static func cleaned(_ text: String, limit: Int = 120) -> String {
    let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .surrogate: " "
      default: scalar
      }
    }
    var cleaned = ""
    cleaned.unicodeScalars.append(contentsOf: scalars)
    return cleaned.count > limit ? cleaned.prefix(limit - 1) + "…" : cleaned
  }
}
