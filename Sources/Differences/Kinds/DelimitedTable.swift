/// A text in rows and columns, with commas, tabs or semicolons between the fields and quotes around those that hold one
/// (RFC 4180). Lines that are empty or start with `#` are no rows.
struct DelimitedTable {
  let columnCount: Int
  /// Of the columns, if the first row has them; else nil.
  let names: [String]?

  private let bytes: [UInt8]
  /// Start and end of every field, row after row; a row has `columnCount` of them.
  private var fields: [(start: Int32, end: Int32)] = []

  var rowCount: Int { fields.count / columnCount - (names == nil ? 0 : 1) }

  /// What separates the fields of the first line that is a row; nil if nothing does.
  static func delimiter(of bytes: [UInt8]) -> UInt8? {
    guard let line = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 100).first(where: isRow) else {
      return nil
    }
    let usual = [UInt8(ascii: "\t"), UInt8(ascii: ","), UInt8(ascii: ";")]
    return usual.first { delimiter in line.contains(delimiter) }
  }

  private static func isRow(_ line: ArraySlice<UInt8>) -> Bool {
    line.first != UInt8(ascii: "#") && line.contains { $0 != 0x0D && $0 != 0x20 }
  }

  /// Nil if this is no table: if rows have different numbers of fields, or there are less than two of both.
  init?(_ bytes: [UInt8], _ delimiter: UInt8) {
    guard bytes.count < Int(Int32.max) else { return nil }
    self.bytes = bytes
    var columns: Int?
    var position = 0
    while position < bytes.count {
      let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      if !DelimitedTable.isRow(bytes[position..<end]) {
        position = end + 1
        continue
      }
      let first = fields.count
      guard let next = DelimitedTable.readRow(bytes, position, delimiter, &fields) else { return nil }
      let count = fields.count - first
      guard columns == nil || columns == count else { return nil }
      columns = count
      position = next
    }
    guard let columns, columns > 1, fields.count > columns else { return nil }
    columnCount = columns
    let first = fields[..<columns].map { DelimitedTable.text(bytes, $0) }
    let isHeading =
      first.allSatisfy { !$0.isEmpty && Double($0) == nil }
      && Set(first.map { ExactText($0) }).count == columns
    names = isHeading ? first : nil
  }

  /// - Returns: where the next row starts; nil if a quote has no end.
  private static func readRow(
    _ bytes: [UInt8], _ start: Int, _ delimiter: UInt8, _ fields: inout [(start: Int32, end: Int32)]
  ) -> Int? {
    var position = start
    while true {
      var start = position
      if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
        position += 1
        start = position
        while true {
          guard let quote = bytes[position...].firstIndex(of: UInt8(ascii: "\"")) else { return nil }
          position = quote + 1
          if position >= bytes.count || bytes[position] != UInt8(ascii: "\"") { break }
          position += 1
        }
        fields.append((Int32(start), Int32(position - 1)))
      } else {
        fields.append((Int32(start), 0))
      }
      let isQuoted = fields[fields.count - 1].end > 0
      let end = position
      while position < bytes.count, bytes[position] != delimiter, bytes[position] != UInt8(ascii: "\n") {
        position += 1
      }
      if !isQuoted {
        let hasReturn = position > start && bytes[position - 1] == 0x0D
        fields[fields.count - 1].end = Int32(hasReturn ? position - 1 : position)
      } else if bytes[end..<position].contains(where: { $0 > 0x20 }) {
        return nil
      }
      if position >= bytes.count { return position }
      position += 1
      if bytes[position - 1] == UInt8(ascii: "\n") { return position }
    }
  }

  /// Doubled quotes stay doubled.
  private static func text(_ bytes: [UInt8], _ field: (start: Int32, end: Int32)) -> String {
    var slice = bytes[Int(field.start)..<Int(field.end)]
    while slice.first == 0x20 { slice = slice.dropFirst() }
    while slice.last == 0x20 { slice = slice.dropLast() }
    return String(decoding: slice, as: UTF8.self)
  }

  private func field(_ row: Int, _ column: Int) -> (start: Int32, end: Int32) {
    fields[(row + (names == nil ? 0 : 1)) * columnCount + column]
  }

  func text(_ row: Int, _ column: Int) -> String { DelimitedTable.text(bytes, field(row, column)) }

  func slice(_ row: Int, _ column: Int) -> ArraySlice<UInt8> {
    let field = field(row, column)
    return bytes[Int(field.start)..<Int(field.end)]
  }
}
