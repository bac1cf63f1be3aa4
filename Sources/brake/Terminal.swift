import Artefacts
import Glibc
import System

/// What the standard error output is connected to.
struct Terminal {
  /// A terminal that understands cursor movement.
  let isTerminal: Bool
  /// Colours are wanted and understood.
  let hasColour: Bool

  init() {
    isTerminal = Terminal.isTerminal(STDERR_FILENO)
    hasColour = Terminal.hasColour(STDERR_FILENO)
  }

  private static func isTerminal(_ file: Int32) -> Bool {
    let kind = getenv("TERM").map { String(cString: $0) } ?? ""
    return isatty(file) == 1 && !kind.isEmpty && kind != "dumb"
  }

  /// Whether colours are wanted and understood where a descriptor leads.
  static func hasColour(_ file: Int32) -> Bool {
    isTerminal(file) && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
  }

  /// Columns and lines, as they are now.
  var size: (columns: Int, lines: Int) {
    var window = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(window.ws_col), Int(window.ws_row))
  }
}

/// How a piece of text is set off.
enum Style: String {
  case red = "31"
  case green = "32"
  case dim = "2"

  func callAsFunction(_ text: String, if wanted: Bool) -> String {
    wanted && !text.isEmpty ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
  }
}

extension Character {
  /// The columns it takes on a terminal.
  var columns: Int {
    guard let scalar = unicodeScalars.first else { return 0 }
    if scalar.properties.isEmojiPresentation { return 2 }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}

extension String {
  /// The columns it takes on a terminal.
  var columns: Int { reduce(0) { $0 + $1.columns } }

  /// As much of it as fits, with an ellipsis where something is missing, control characters shown.
  func fitted(to width: Int) -> String {
    let text = visible()
    if text.columns <= width { return text }
    var result = ""
    var used = 0
    for character in text {
      used += character.columns
      if used > width - 1 { break }
      result.append(character)
    }
    return width > 0 ? result + "…" : ""
  }

  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - columns)) }
}
