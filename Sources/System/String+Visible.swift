extension String {
  /// The text as it may be shown: control characters, and characters that only change how others are shown, are written
  /// out (`\e`, `\n`, `\u{202e}`). Names and messages come from records, trees, references and files of others, and
  /// must neither command a terminal nor look like something else.
  ///
  /// - Parameter lineBreaks: whether line breaks stay what they are, for a text of several lines.
  public func visible(lineBreaks: Bool = false) -> String {
    if unicodeScalars.allSatisfy({ $0.isVisible || lineBreaks && $0 == "\n" }) { return self }
    var text = ""
    for scalar in unicodeScalars {
      if scalar.isVisible || lineBreaks && scalar == "\n" {
        text.unicodeScalars.append(scalar)
      } else {
        text += scalar.escape
      }
    }
    return text
  }
}

extension String {
  /// The text, or its start and its end and how much is left out between: a message is no place for a value of thousands of
  /// characters.
  func shortened(to most: Int) -> String {
    if utf8.count <= most { return self }
    let scalars = unicodeScalars
    guard scalars.count > most else { return self }
    let (start, end) = (most * 2 / 3, most / 3)
    return
      "\(String(scalars.prefix(start))) … (\(scalars.count - start - end) characters) … \(String(scalars.suffix(end)))"
  }
}

extension StringProtocol {
  /// Without the control sequences that colour what a program prints.
  public var withoutColours: String { String(self).replacing(/\u{1B}\[[0-9;:]*m/, with: "") }
}

extension Unicode.Scalar {
  /// Whether it shows itself and nothing else: neither a control character nor one of those that turn the direction of
  /// writing, join, or have no width, nor another line break.
  public var isVisible: Bool {
    if isASCII { return value >= 0x20 && value != 0x7F }
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return false
    default: return true
    }
  }

  /// How it is written out.
  public var escape: String {
    switch value {
    case 0x00: "\\0"
    case 0x09: "\\t"
    case 0x0A: "\\n"
    case 0x0D: "\\r"
    case 0x1B: "\\e"
    default: "\\u{\(String(value, radix: 16))}"
    }
  }
}
