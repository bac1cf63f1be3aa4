import Artefacts
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

/// The fewest steps from one list to another.
struct Edits {
  enum Kind { case same, gone, new }

  struct Step {
    let kind: Kind
    let text: String
  }

  private(set) var steps: [Step] = []

  /// Beyond this many comparisons the middle is taken as replaced as a whole.
  private static let most = 4_000_000

  init(_ old: [String], _ new: [String]) {
    let shorter = min(old.count, new.count)
    var head = 0
    while head < shorter, old[head] == new[head] { head += 1 }
    var tail = 0
    while tail < shorter - head, old[old.count - 1 - tail] == new[new.count - 1 - tail] { tail += 1 }
    steps += old[..<head].map { Step(kind: .same, text: $0) }
    middle(Array(old[head..<old.count - tail]), Array(new[head..<new.count - tail]))
    steps += old[(old.count - tail)...].map { Step(kind: .same, text: $0) }
  }

  private mutating func middle(_ old: [String], _ new: [String]) {
    guard old.count * new.count <= Edits.most else {
      steps += old.map { Step(kind: .gone, text: $0) } + new.map { Step(kind: .new, text: $0) }
      return
    }
    // common[i][j]: the most elements that old[i...] and new[j...] have in common, in order.
    let width = new.count + 1
    var common = [Int32](repeating: 0, count: (old.count + 1) * width)
    for i in old.indices.reversed() {
      for j in new.indices.reversed() {
        common[i * width + j] =
          old[i] == new[j]
          ? common[(i + 1) * width + j + 1] + 1 : max(common[(i + 1) * width + j], common[i * width + j + 1])
      }
    }
    var (i, j) = (0, 0)
    while i < old.count || j < new.count {
      if i < old.count, j < new.count, old[i] == new[j] {
        steps.append(Step(kind: .same, text: old[i]))
        i += 1
        j += 1
      } else if i < old.count, j == new.count || common[(i + 1) * width + j] >= common[i * width + j + 1] {
        steps.append(Step(kind: .gone, text: old[i]))
        i += 1
      } else {
        steps.append(Step(kind: .new, text: new[j]))
        j += 1
      }
    }
  }
}
