public import JSON

/// What differs between two tables, cell by cell.
///
/// Columns are matched by their names where both tables have a heading, else by their places. Rows are matched by what
/// stands in the first column, such as the step, where no row of a table has the same as another, else by their places.
public struct TableDifference: Difference {
  public static let kind = "table"

  public struct Cell: Sendable {
    /// What stands in the row's first column, or `#3` for the third row.
    public let row: String
    public let column: String
    public let before: String
    public let now: String

    var number: NumberChange? {
      if let before = Int128(before), let now = Int128(now) { return NumberChange(before, now) }
      guard let before = Double(before), let now = Double(now) else { return nil }
      return NumberChange(before, now)
    }
  }

  /// What differs in a column.
  public struct Column: Sendable {
    public let name: String
    public fileprivate(set) var differing = 0
    public fileprivate(set) var maxAbsolute: Double?
    public fileprivate(set) var maxRelative: Double?
  }

  public let removedColumns: [String]
  public let addedColumns: [String]
  public let rowsBefore: Int
  public let rowsNow: Int
  /// The rows that only one of them has, at most `limit` of each.
  public private(set) var removedRows: [String] = []
  public private(set) var addedRows: [String] = []
  public private(set) var removedCount = 0
  public private(set) var addedCount = 0
  /// Of the columns that both have, those in which something differs.
  public private(set) var columns: [Column] = []
  /// Row after row, at most `limit` of them.
  public private(set) var cells: [Cell] = []
  public private(set) var differing = 0

  static let limit = 10_000

  init(_ before: DelimitedTable, _ now: DelimitedTable) {
    let oldNames = TableDifference.names(before, besides: now)
    let newNames = TableDifference.names(now, besides: before)
    let places = Dictionary(uniqueKeysWithValues: newNames.enumerated().map { (ExactText($1), $0) })
    let known = Set(oldNames.map { ExactText($0) })
    removedColumns = oldNames.filter { places[ExactText($0)] == nil }
    addedColumns = newNames.filter { !known.contains(ExactText($0)) }
    rowsBefore = before.rowCount
    rowsNow = now.rowCount
    let common = oldNames.enumerated().compactMap { index, name in
      places[ExactText(name)].map { (name: name, before: index, now: $0) }
    }
    var columns = common.map { Column(name: $0.name) }
    let isKeyed = oldNames.first.map { ExactText($0) } == newNames.first.map { ExactText($0) }
    if isKeyed, let oldKeys = TableDifference.keys(before), let newKeys = TableDifference.keys(now) {
      for row in 0..<before.rowCount {
        let key = before.text(row, 0)
        if let other = newKeys[ExactText(key)] {
          compare(before, row, now, other, key, common, &columns)
        } else {
          remove(key)
        }
      }
      for row in 0..<now.rowCount where oldKeys[ExactText(now.text(row, 0))] == nil {
        insert(now.text(row, 0))
      }
    } else {
      for row in 0..<max(rowsBefore, rowsNow) {
        let name = "#\(row + 1)"
        if row >= rowsNow {
          remove(name)
        } else if row >= rowsBefore {
          insert(name)
        } else {
          compare(before, row, now, row, name, common, &columns)
        }
      }
    }
    self.columns = columns.filter { $0.differing > 0 }
  }

  private static func names(_ table: DelimitedTable, besides other: DelimitedTable) -> [String] {
    if let names = table.names, other.names != nil { return names }
    return (1...table.columnCount).map { "column \($0)" }
  }

  /// The rows by what stands in their first column; nil if that is no name.
  private static func keys(_ table: DelimitedTable) -> [ExactText: Int]? {
    var keys: [ExactText: Int] = [:]
    keys.reserveCapacity(table.rowCount)
    for row in 0..<table.rowCount where keys.updateValue(row, forKey: ExactText(table.text(row, 0))) != nil {
      return nil
    }
    return keys
  }

  private mutating func remove(_ row: String) {
    removedCount += 1
    if removedRows.count < TableDifference.limit { removedRows.append(row) }
  }

  private mutating func insert(_ row: String) {
    addedCount += 1
    if addedRows.count < TableDifference.limit { addedRows.append(row) }
  }

  private mutating func compare(
    _ before: DelimitedTable, _ row: Int, _ now: DelimitedTable, _ other: Int, _ name: String,
    _ common: [(name: String, before: Int, now: Int)], _ columns: inout [Column]
  ) {
    for (index, column) in common.enumerated()
    where before.slice(row, column.before) != now.slice(other, column.now) {
      let cell = Cell(
        row: name, column: column.name, before: before.text(row, column.before),
        now: now.text(other, column.now))
      // 1 and 1.0 are one number.
      if ExactText(cell.before) == ExactText(cell.now) { continue }
      if let before = ExactDecimal(cell.before), before == ExactDecimal(cell.now) { continue }
      let number = cell.number
      differing += 1
      columns[index].differing += 1
      if let number {
        columns[index].maxAbsolute = max(columns[index].maxAbsolute ?? 0, number.absolute)
        if let relative = number.relative {
          columns[index].maxRelative = max(columns[index].maxRelative ?? 0, relative)
        }
      }
      if cells.count < TableDifference.limit { cells.append(cell) }
    }
  }

  public var headline: String {
    var parts: [String] = []
    if !removedColumns.isEmpty { parts.append("\(Listing.count(removedColumns.count, "column")) removed") }
    if !addedColumns.isEmpty { parts.append("\(Listing.count(addedColumns.count, "column")) added") }
    if removedCount > 0 { parts.append("\(Listing.count(removedCount, "row")) removed") }
    if addedCount > 0 { parts.append("\(Listing.count(addedCount, "row")) added") }
    if differing > 0 {
      parts.append(
        "\(Listing.count(differing, "cell differs", "cells differ")) in \(Listing.count(columns.count, "column"))"
      )
    }
    return parts.isEmpty ? "the same table, written otherwise" : parts.joined(separator: ", ")
  }

  public func details(most: Int) -> [String] {
    var lines: [String] = []
    lines += Listing.lines(removedColumns, of: removedColumns.count, most: most) { ["- column \($0)"] }
    lines += Listing.lines(addedColumns, of: addedColumns.count, most: most) { ["+ column \($0)"] }
    lines += Listing.lines(removedRows, of: removedCount, most: most) { ["- row \($0)"] }
    lines += Listing.lines(addedRows, of: addedCount, most: most) { ["+ row \($0)"] }
    lines += Listing.lines(columns, of: columns.count, most: most) { column in
      var text = "\(column.name): \(Listing.count(column.differing, "cell differs", "cells differ"))"
      if let absolute = column.maxAbsolute { text += ", max abs \(NumberChange.text(absolute))" }
      if let relative = column.maxRelative { text += ", max relative \(NumberChange.text(relative))" }
      return [text]
    }
    lines += Listing.lines(cells, of: differing, most: most) { cell in
      [
        "~ \(cell.row), \(cell.column): \(cell.before), now \(cell.now)\(cell.number.map { ", " + $0.text } ?? "")"
      ]
    }
    return lines
  }

  public var json: [String: JSON] {
    func list(_ texts: [String]) -> JSON { .array(texts.map(JSON.string)) }
    return [
      "rows_before": .integer(Int64(rowsBefore)), "rows_now": .integer(Int64(rowsNow)),
      "removed_columns": list(removedColumns), "added_columns": list(addedColumns),
      "removed_rows": list(removedRows), "added_rows": list(addedRows),
      "differing": .integer(Int64(differing)),
      "columns": .array(
        columns.map {
          [
            "name": .string($0.name), "differing": .integer(Int64($0.differing)),
            "max_abs": .finite($0.maxAbsolute), "max_relative": .finite($0.maxRelative),
          ]
        }),
      "cells": .array(
        cells.map {
          [
            "row": .string($0.row), "column": .string($0.column), "before": .string($0.before),
            "now": .string($0.now),
          ]
        }),
    ]
  }
}
