import Artefacts
import System

/// Text in aligned columns. A cell is one line: what it holds of line breaks and other control characters is shown.
struct Table {
  enum Alignment { case left, right }

  private let alignments: [Alignment]
  private var rows: [[String]] = []

  init(_ alignments: Alignment...) { self.alignments = alignments }

  init(_ alignments: [Alignment], heading: [String]) {
    self.alignments = alignments
    rows = [heading]
  }

  mutating func add(_ cells: String...) { add(cells) }
  mutating func add(_ cells: [String]) { rows.append(cells.map { $0.visible() }) }

  var isEmpty: Bool { rows.isEmpty }

  /// The rows as lines, two spaces between the columns, nothing behind the last.
  func text(indent: String = "") -> String {
    let widths = alignments.indices.map { column in
      rows.map { $0.indices.contains(column) ? $0[column].columns : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = indent
      for (column, cell) in row.enumerated() {
        if column > 0 { line += "  " }
        let space = String(repeating: " ", count: widths[column] - cell.columns)
        line += alignments[column] == .left ? cell + space : space + cell
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}
