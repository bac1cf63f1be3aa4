/// Text from outside, made fit for one line of a figure or table.
extension String {
  /// Control characters, line breaks and what turns the direction of writing are spaces.
  package var printable: String {
    var text = ""
    text.unicodeScalars.append(
      contentsOf: unicodeScalars.map { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .surrogate: " "
        default: scalar
        }
      })
    return text
  }

  package func elided(to limit: Int) -> String { count > limit ? prefix(limit - 1) + "…" : self }
}
