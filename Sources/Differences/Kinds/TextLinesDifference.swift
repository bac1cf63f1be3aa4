public import JSON

/// What differs between two texts, line by line.
public struct TextLinesDifference: Difference {
  public static let kind = "text"

  /// Lines that differ and some around them.
  public struct Hunk: Sendable {
    /// The first line in either text, counted from 1.
    public let lineBefore: Int
    public let lineNow: Int
    public fileprivate(set) var steps: [Edits.Step]
  }

  public private(set) var removed = 0
  public private(set) var added = 0
  public private(set) var hunks: [Hunk] = []
  /// Lines that differ without being told, since there are too many.
  public private(set) var untold = 0

  private static let context = 1
  /// Lines in hunks.
  static let limit = 10_000

  init(_ before: String, _ now: String) {
    let steps = Edits(TextLinesDifference.lines(before), TextLinesDifference.lines(now)).steps
    var isNear = [Bool](repeating: false, count: steps.count)
    for (index, step) in steps.enumerated() where step.kind != .same {
      let last = min(steps.count - 1, index + TextLinesDifference.context)
      for near in max(0, index - TextLinesDifference.context)...last { isNear[near] = true }
    }
    var lineBefore = 1
    var lineNow = 1
    var told = 0
    for (index, step) in steps.enumerated() {
      if isNear[index], told < TextLinesDifference.limit {
        if index > 0, isNear[index - 1], !hunks.isEmpty {
          hunks[hunks.count - 1].steps.append(step)
        } else {
          hunks.append(Hunk(lineBefore: lineBefore, lineNow: lineNow, steps: [step]))
        }
        told += 1
      } else if step.kind != .same {
        untold += 1
      }
      if step.kind != .new { lineBefore += 1 }
      if step.kind != .gone { lineNow += 1 }
      removed += step.kind == .gone ? 1 : 0
      added += step.kind == .new ? 1 : 0
    }
  }

  private static func lines(_ text: String) -> [String] {
    // By bytes: to Swift, a carriage return and a line break are one character, which is not the line break.
    var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  public var headline: String {
    if removed + added == 0 { return "only the line break at the end differs" }
    return "\(Listing.count(removed, "line")) removed, \(Listing.count(added, "line")) added"
  }

  public func details(most: Int) -> [String] {
    var lines: [String] = []
    var shown = 0
    var left = most
    for hunk in hunks where left > 0 {
      lines.append("line \(hunk.lineBefore), now line \(hunk.lineNow):")
      for step in hunk.steps.prefix(left) {
        lines.append((step.kind == .same ? "  " : step.kind == .gone ? "- " : "+ ") + step.text)
        shown += step.kind == .same ? 0 : 1
      }
      left -= hunk.steps.count
    }
    let rest = removed + added - shown
    return lines + (rest > 0 ? ["and \(rest) more"] : [])
  }

  public var json: [String: JSON] {
    [
      "removed": .integer(Int64(removed)), "added": .integer(Int64(added)), "untold": .integer(Int64(untold)),
      "hunks": .array(
        hunks.map { hunk in
          [
            "line_before": .integer(Int64(hunk.lineBefore)), "line_now": .integer(Int64(hunk.lineNow)),
            "lines": .array(
              hunk.steps.map {
                .string(($0.kind == .same ? " " : $0.kind == .gone ? "-" : "+") + $0.text)
              }),
          ]
        }),
    ]
  }
}
