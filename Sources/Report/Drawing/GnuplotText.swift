/// Text in a gnuplot script.
enum GnuplotText {
  /// A single-quoted string: gnuplot expands nothing in it. Text from outside is drawn as it is written where the
  /// command adds `noenhanced`.
  static func quoted(_ text: String) -> String {
    "'" + text.printable.replacing("'", with: "''") + "'"
  }
}
