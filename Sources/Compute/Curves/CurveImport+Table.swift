internal import System

extension CurveImport {
  /// A table has one curve, or one of each run that its columns are called after.
  func table(_ text: [UInt8], file: String, run: String) throws -> [Curve] {
    try text.withUnsafeBufferPointer { text in
      var rows = TableRows(text)
      guard rows.next() else { throw Failure(.malformed, "\(file): the file is empty") }
      var names = rows.fields.map { rows.text($0) }
      let isHeaderless = rows.fields.allSatisfy { NumberText.parse(rows.bytes($0)) != nil }
      if isHeaderless { names = names.indices.map { "\($0 + 1)" } }
      let bare = isHeaderless && names.count == 2
      var tables =
        try RunColumns(names, step: step, loss: loss, in: file).map { runs in
          runs.runs.map {
            TableCurve(run: $0.run, columns: $0.columns, names, isOneOfMany: runs.runs.count > 1)
          }
        }
        ?? [
          TableCurve(
            run: run,
            columns: CurveColumns(
              names, step: step ?? (bare ? "1" : nil), loss: loss ?? (bare ? "2" : nil), in: file),
            names, isOneOfMany: false)
        ]
      func add() { for index in tables.indices { tables[index].add(rows, names.count) } }
      if isHeaderless { add() }
      while rows.next() {
        add()
        if rows.line % 65_536 == 0 { try Task.checkCancellation() }
      }
      return try tables.map { table in
        var table = table
        guard !table.points.isEmpty else { throw CurveImport.nothing(in: file, table.points.notes) }
        return try table.points.merged(run: table.run, in: file)
      }
    }
  }

  /// The error for a source without a single point.
  static func nothing(in file: String, _ notes: [CurveNote]) -> Failure {
    let first = notes.map { ": \($0)" }.first ?? ""
    return Failure(.malformed, "\(file): no row gives a step and a loss\(first)")
  }
}

/// A curve in a table, in the making.
private struct TableCurve {
  let run: String
  let columns: CurveColumns
  /// Then a row has no loss where another run was at that step.
  let isOneOfMany: Bool
  /// The columns that say which training a row is of.
  let origins: [(place: Int, name: String)]
  var points = PointCollector(unit: "line")

  init(run: String, columns: CurveColumns, _ names: [String], isOneOfMany: Bool) {
    self.run = run
    self.columns = columns
    self.isOneOfMany = isOneOfMany
    origins = names.enumerated().filter { CurveColumns.saysOrigin($0.element) }
      .map { (place: $0.offset, name: $0.element) }
    points.take(columns)
  }

  mutating func add(_ row: TableRows, _ width: Int) {
    guard row.fields.count == width else {
      points.note(.unreadable, at: row.line, "\(row.fields.count) fields where the header has \(width)")
      return
    }
    let step = row.bytes(row.fields[columns.step])
    let loss = row.bytes(row.fields[columns.loss])
    guard step.contains(where: { $0 > 0x20 }), loss.contains(where: { $0 > 0x20 }) else {
      if !isOneOfMany { points.note(.missing, at: row.line, "an empty cell") }
      return
    }
    guard let stepValue = NumberText.parse(step), let lossValue = NumberText.parse(loss) else {
      let cell = NumberText.parse(step) == nil ? step : loss
      points.note(
        .unreadable, at: row.line, "'\(String(decoding: cell.prefix(40), as: UTF8.self))' is no number")
      return
    }
    let origin = origins.map { PointCollector.Origin(name: $0.name, value: row.text(row.fields[$0.place])) }
    points.add(step: stepValue, loss: lossValue, at: row.line, origin: origin)
  }
}

/// The rows of a table with one-character delimiters and optional quotes (RFC 4180), or with blanks between the columns, as many as
/// there are, as numpy writes it. Blank lines and lines that start with `#` are skipped.
struct TableRows {
  /// The line in which the current row starts, counted from 1.
  private(set) var line = 0
  /// Where the bytes of each field of the current row stand, without the quotes around them.
  private(set) var fields: [Range<Int>] = []
  private let text: UnsafeBufferPointer<UInt8>
  private let delimiter: UInt8
  private var position = 0
  private var linesRead = 0

  init(_ text: UnsafeBufferPointer<UInt8>) {
    self.text = text
    delimiter = TableRows.delimiter(text)
  }

  /// The most frequent of the usual delimiters in the first line that is not skipped; if there are none, blanks, or a comma where
  /// there are none of these either.
  private static func delimiter(_ text: UnsafeBufferPointer<UInt8>) -> UInt8 {
    let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: 64)
    let header = lines.first { $0.contains { $0 > 0x20 } && $0.first != UInt8(ascii: "#") } ?? text[...]
    var isQuoted = false
    var counts: [UInt8: Int] = [:]
    for byte in header {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if !isQuoted { counts[byte, default: 0] += 1 }
    }
    let usual = [",", "\t", ";", "|"].map { (delimiter: Unicode.Scalar) in UInt8(ascii: delimiter) }
    if !usual.contains(where: { counts[$0] != nil }), hasColumns(header) { return TableRows.blank }
    return usual.max { counts[$0, default: 0] < counts[$1, default: 0] } ?? UInt8(ascii: ",")
  }

  private static let blank = UInt8(ascii: " ")

  private static func isBlank(_ byte: UInt8) -> Bool { byte == blank || byte == UInt8(ascii: "\t") }

  /// Whether blanks stand between the words of a line, outside of quotation marks.
  private static func hasColumns(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    var (isQuoted, hasBlank, hasWord) = (false, false, false)
    for byte in line where byte != UInt8(ascii: "\r") {
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if isBlank(byte), !isQuoted {
        hasBlank = hasWord
      } else {
        if hasBlank { return true }
        hasWord = true
      }
    }
    return false
  }

  func bytes(_ field: Range<Int>) -> UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: text[field]) }
  /// Doubled quotes inside a quoted field stay doubled; no column is called so.
  func text(_ field: Range<Int>) -> String {
    let bytes = text[field]
    let first = bytes.firstIndex { $0 > 0x20 } ?? field.upperBound
    let last = bytes.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? first
    return String(decoding: text[first..<last], as: UTF8.self)
  }

  /// Goes on to the next row; false at the end.
  mutating func next() -> Bool {
    while position < text.count {
      line = linesRead + 1
      if text[position] == UInt8(ascii: "#") {
        while position < text.count, text[position] != UInt8(ascii: "\n") { position += 1 }
        position += 1
        linesRead += 1
        continue
      }
      readFields()
      linesRead += 1
      if fields.count > 1 || text[fields[0]].contains(where: { $0 > 0x20 }) { return true }
    }
    return false
  }

  /// The fields up to the end of the line; quoted ones may reach over several lines.
  private mutating func readFields() {
    fields.removeAll(keepingCapacity: true)
    while true {
      if delimiter == TableRows.blank { skipBlanks() }
      let isQuoted = position < text.count && text[position] == UInt8(ascii: "\"")
      if isQuoted { fields.append(quoted()) }
      let start = position
      while position < text.count, !isDelimiter(text[position]), text[position] != UInt8(ascii: "\n") {
        position += 1
      }
      // Blanks at the end of a line separate nothing.
      let isNone = delimiter == TableRows.blank && !fields.isEmpty && isOver(start)
      if !isQuoted && !isNone {
        let isCarriageReturn = position > start && text[position - 1] == UInt8(ascii: "\r")
        fields.append(start..<(isCarriageReturn ? position - 1 : position))
      }
      guard position < text.count else { return }
      position += 1
      if text[position - 1] == UInt8(ascii: "\n") { return }
    }
  }

  private func isDelimiter(_ byte: UInt8) -> Bool {
    delimiter == TableRows.blank ? TableRows.isBlank(byte) : byte == delimiter
  }

  private mutating func skipBlanks() {
    while position < text.count, TableRows.isBlank(text[position]) { position += 1 }
  }

  /// Whether the line has nothing from a place on.
  private func isOver(_ start: Int) -> Bool {
    start == position || start + 1 == position && text[start] == UInt8(ascii: "\r")
  }

  private mutating func quoted() -> Range<Int> {
    position += 1
    let start = position
    while position < text.count {
      if text[position] == UInt8(ascii: "\n") { linesRead += 1 }
      if text[position] == UInt8(ascii: "\"") {
        guard position + 1 < text.count, text[position + 1] == UInt8(ascii: "\"") else {
          position += 1
          return start..<position - 1
        }
        position += 1
      }
      position += 1
    }
    return start..<position
  }
}
