import Differences
import Glibc
import System

extension Difference {
  /// The headline and the details below it, coloured on a terminal, with a line break at the end.
  func report(most: Int) -> String {
    let colour = Terminal.hasColour(STDOUT_FILENO)
    let lines = details(most: most).map { line in
      let text = line.visible()
      let mark = text.drop { $0 == " " }
      let style: Style? = mark.hasPrefix("- ") ? .red : mark.hasPrefix("+ ") ? .green : nil
      return "  " + (style.map { $0(text, if: colour) } ?? text)
    }
    return ([headline.visible()] + lines).joined(separator: "\n") + "\n"
  }
}
