extension String {
  /// The text as it may stand in a cell of a table that somebody opens with a spreadsheet: what that would calculate, since it starts like
  /// a formula, has an apostrophe before it, which makes it a text there. Numbers are numbers.
  public var cell: String {
    guard let first = unicodeScalars.first, "=+-@\t\r".unicodeScalars.contains(first), utf8.count > 1,
      Double(self) == nil
    else { return self }
    return "'" + self
  }
}
