internal import JSON
internal import System

extension CurveImport {
  func json(_ text: [UInt8], file: String, run: String) throws -> [Curve] {
    let value: JSON
    do {
      value = try JSON(parsing: text, options: .python)
    } catch {
      throw Failure(.malformed, "\(file):\(error.line):\(error.column): \(error.message)")
    }
    if let rows = value.array { return [try curve(rows: rows, source: file, run: run)] }
    guard let members = value.object else {
      throw Failure(.malformed, "\(file): \(value.kind) is no curve")
    }
    if let history = members["log_history"]?.array {
      var reader = self
      reader.step = step ?? "step"
      reader.loss = loss ?? "loss"
      return [try reader.curve(rows: history, source: "\(file): log_history", run: run)]
    }
    if members.values.contains(where: { $0.array != nil }) {
      return [try curve(columns: members, source: file, run: run)]
    }
    guard !members.isEmpty, members.values.allSatisfy({ $0.object != nil }) else {
      throw Failure(
        .malformed, "\(file): this object is neither lists by column name nor curves by run name",
        hint: "brake operations curve.import lists the forms that can be read")
    }
    return try members.sorted { naturallyPrecedes($0.key, $1.key) }.map { name, member in
      try namedRun(member.object ?? [:], file: file, run: name)
    }
  }

  /// A run of several: `{smoothed_loss: {x, y}}`, or lists by column name.
  private func namedRun(_ members: [String: JSON], file: String, run: String) throws -> Curve {
    let source = "\(file): run '\(run)'"
    if let smoothed = members["smoothed_loss"]?.object, let x = smoothed["x"], let y = smoothed["y"] {
      return try points(steps: x, losses: y, source: "\(source): smoothed_loss").prepared(run: run)
    }
    return try curve(columns: members, source: source, run: run)
  }

  private func curve(columns members: [String: JSON], source: String, run: String) throws -> Curve {
    let lists = members.filter { $0.value.array != nil }
    let names = lists.keys.sorted()
    let columns = try CurveColumns(names, step: step, loss: loss, in: source)
    var points = try points(
      steps: lists[names[columns.step]] ?? [], losses: lists[names[columns.loss]] ?? [], source: source)
    points.take(columns)
    return try points.merged(run: run, in: source)
  }

  private func points(steps: JSON, losses: JSON, source: String) throws -> PointCollector {
    guard let steps = steps.array, let losses = losses.array, steps.count == losses.count else {
      throw Failure(
        .malformed,
        "\(source): \(steps.array?.count ?? 0) steps and \(losses.array?.count ?? 0) losses; there must be one loss a step"
      )
    }
    var points = PointCollector(unit: "entry")
    for (index, (step, loss)) in zip(steps, losses).enumerated() {
      CurveImport.add(step, loss, at: index + 1, to: &points)
    }
    guard !points.isEmpty else { throw CurveImport.nothing(in: source, points.notes) }
    return points
  }

  /// Rows without the loss are passed over in silence: logs mix training with evaluation.
  private func curve(rows: [JSON], source: String, run: String) throws -> Curve {
    var points = PointCollector(unit: "entry")
    try add(rows.enumerated().map { ($0.offset + 1, $0.element) }, source: source, to: &points)
    return try points.merged(run: run, in: source)
  }

  func add(_ rows: [(place: Int, row: JSON)], source: String, to points: inout PointCollector) throws {
    var names: Set<String> = []
    for (_, row) in rows {
      for (name, value) in row.object ?? [:] where value.double != nil { names.insert(name) }
    }
    let sorted = names.sorted()
    let columns: CurveColumns
    do { columns = try CurveColumns(sorted, step: step, loss: loss, in: source) } catch {
      throw CurveImport.quoted(rows, besides: names, source: source, unit: points.unit) ?? error
    }
    points.take(columns)
    for (place, row) in rows {
      guard let members = row.object else {
        points.note(.unreadable, at: place, "\(row.kind) where an object should stand")
        continue
      }
      guard let loss = members[sorted[columns.loss]] else { continue }
      let origin = members.filter { CurveColumns.saysOrigin($0.key) }.sorted { $0.key < $1.key }
        .map { PointCollector.Origin(name: $0.key, value: $0.value.string ?? $0.value.canonical) }
      CurveImport.add(
        members[sorted[columns.step]] ?? .null, loss, at: place, origin: origin, to: &points)
    }
    guard !points.isEmpty else { throw CurveImport.nothing(in: source, points.notes) }
  }

  /// The error for a source in which numbers of a column are written as texts; nil if there are none.
  private static func quoted(
    _ rows: [(place: Int, row: JSON)], besides names: Set<String>, source: String, unit: String
  ) -> Failure? {
    for (place, row) in rows {
      for (name, value) in (row.object ?? [:]).sorted(by: { $0.key < $1.key }) where !names.contains(name) {
        guard let text = value.string, number(value)?.isFinite == true else { continue }
        return Failure(
          .malformed,
          "\(source): \(unit) \(place): \"\(name)\" is the text \"\(text.prefix(40))\" and no number",
          hint: "write numbers without quotation marks")
      }
    }
    return nil
  }

  private static func add(
    _ step: JSON, _ loss: JSON, at place: Int, origin: [PointCollector.Origin] = [],
    to points: inout PointCollector
  ) {
    if step.isNull || loss.isNull {
      points.note(.missing, at: place, "null")
    } else if let step = number(step), let loss = number(loss) {
      points.add(step: step, loss: loss, at: place, origin: origin)
    } else {
      points.note(.unreadable, at: place, "no number")
    }
  }

  /// A number, or a text that holds one: writers that know no NaN write it in quotes.
  private static func number(_ value: JSON) -> Double? {
    if let string = value.string { return Array(string.utf8).withUnsafeBufferPointer(NumberText.parse) }
    return value.double
  }

  func jsonLines(_ text: [UInt8], file: String, run: String) throws -> Curve {
    var points = PointCollector(unit: "line")
    var rows: [(place: Int, row: JSON)] = []
    for (index, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .enumerated()
    where line.contains(where: { $0 > 0x20 }) {
      if index % 65_536 == 0 { try Task.checkCancellation() }
      do {
        rows.append((index + 1, try JSON(parsing: line, options: .python)))
      } catch {
        points.note(.unreadable, at: index + 1, error.message)
      }
    }
    try add(rows, source: file, to: &points)
    return try points.merged(run: run, in: file)
  }
}
