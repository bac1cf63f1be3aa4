import Artefacts
import Differences
import System

/// What differs inside two texts: lines if they have several, words otherwise. Marks say what went and what came,
/// `[-old-]{+new+}` in a line, `-` and `+` before a line; on a terminal they are coloured besides.
struct TextDifference {
  let before: String
  let now: String
  let colour: Bool

  init(_ before: String, _ now: String, colour: Bool = false) {
    self.before = before
    self.now = now
    self.colour = colour
  }

  /// Lines that differ, with one line around them.
  func lines() -> [String] {
    let (old, new) = (TextDifference.lines(of: before), TextDifference.lines(of: now))
    if old.count <= 1, new.count <= 1 { return [words()] }
    let edits = Edits(old.map(String.init), new.map(String.init)).steps
    var shown: [String] = []
    var isCut = false
    for index in edits.indices {
      let isNear = edits[max(0, index - 1)...min(edits.count - 1, index + 1)].contains { $0.kind != .same }
      guard isNear else {
        if !isCut { shown.append("  …") }
        isCut = true
        continue
      }
      isCut = false
      let line = edits[index].text.visible()
      switch edits[index].kind {
      case .same: shown.append("  " + line)
      case .gone: shown.append(Style.red("- " + line, if: colour))
      case .new: shown.append(Style.green("+ " + line, if: colour))
      }
    }
    if shown.isEmpty { shown = ["  only the line breaks at the end differ"] }
    return shown
  }

  /// All in one line: the words that differ, with a few words around them.
  func words(context: Int = 4) -> String {
    let edits = Edits(TextDifference.words(of: before), TextDifference.words(of: now)).steps
    var text = ""
    var index = 0
    while index < edits.count {
      let kind = edits[index].kind
      var run = ""
      let start = index
      while index < edits.count, edits[index].kind == kind {
        run += edits[index].text
        index += 1
      }
      switch kind {
      case .gone: text += Style.red("[-\(run.visible())-]", if: colour)
      case .new: text += Style.green("{+\(run.visible())+}", if: colour)
      case .same:
        let words = edits[start..<index].map(\.text)
        // Words and the spaces between them.
        let room = context * 2
        let head = start == 0 ? [] : words.prefix(room)
        let tail = index == edits.count ? [] : words.dropFirst(head.count).suffix(room)
        let isCut = head.count + tail.count < words.count
        text += head.joined().visible() + (isCut ? "…" : "") + tail.joined().visible()
      }
    }
    return text
  }

  private static func lines(of text: String) -> [Substring] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  /// Words, numbers, and what stands between them.
  private static func words(of text: String) -> [String] {
    var words: [String] = []
    var last: Int?
    for character in text {
      let kind =
        character.isWhitespace
        ? 0 : character.isLetter || character.isNumber || "._-/".contains(character) ? 1 : nil
      if let kind, kind == last {
        words[words.count - 1].append(character)
      } else {
        words.append(String(character))
      }
      last = kind
    }
    return words
  }
}
