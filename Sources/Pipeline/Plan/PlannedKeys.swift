import Actions
import JSON

/// What a `for:` variable can run over.
indirect enum PlannedKeys {
  /// Values with their positions; each one's text is a key.
  case values([PipelineNode])
  /// Keys, and of each a row of values: `${VARIABLE.NAME}`.
  case table([(key: PipelineNode, row: [PipelineNode.Entry])])
  /// A reference to a keyed output.
  case reference(Reference)
  /// Pairs of these.
  case pairs(PlannedKeys, Pairing)

  /// - Parameters:
  ///   - node: evaluated.
  ///   - repeats: whether a value may come several times.
  ///   - isStage: whether there is a stage of this name.
  init(
    _ node: PipelineNode, variable: String, repeats: Bool = false, isStage: (String) -> Bool
  ) throws(PipelineError) {
    switch node.content {
    case .list(let elements):
      try PlannedKeys.check(elements, variable, repeats: repeats)
      self = .values(elements)
    case .mapping(let entries):
      if entries.contains(where: { $0.name == "pairs" }) {
        let (pairing, values) = try Pairing.read(entries)
        let inner = try PlannedKeys(values, variable: variable, isStage: isStage)
        switch inner {
        case .values, .reference: self = .pairs(inner, pairing)
        case .table, .pairs:
          throw PipelineError(
            "pairs: takes a list, a range or a keyed output, not \(values.kind)", at: values.position)
        }
      } else if let table = try PlannedKeys.table(entries, variable) {
        self = .table(table)
      } else {
        self = .values(try PlannedKeys.range(entries, variable, at: node.position))
      }
    case .scalar(let text, _):
      if let range = try PlannedKeys.range(text, variable, at: node.position) {
        self = .values(range)
      } else if isStage(String(Reference.leadingName(of: text))), let reference = Reference(text) {
        self = .reference(reference)
      } else {
        throw PipelineError(
          "the variable '\(variable)' has no values: \(node.kind) is no stage", at: node.position,
          hint: "for: takes a list, a range like 1..10, or a keyed output like train.checkpoints")
      }
    }
  }

  // MARK: Keys

  static func check(
    _ values: [PipelineNode], _ variable: String, repeats: Bool = false
  ) throws(PipelineError) {
    guard values.count <= Planner.mostInstances else {
      throw tooMany(variable, at: values[0].position)
    }
    var seen: Set<String> = []
    for value in values {
      guard let key = value.text else {
        throw PipelineError(
          "a value of the variable '\(variable)' is \(value.kind)", at: value.position,
          hint: "its values are texts and numbers")
      }
      if let fault = MemberKey.fault(of: key) {
        throw PipelineError(
          "'\(key.excerpt)' cannot be a value of '\(variable)': \(fault)", at: value.position)
      }
      guard repeats || seen.insert(key).inserted else {
        throw PipelineError("'\(key)' is twice among the values of '\(variable)'", at: value.position)
      }
    }
  }

  // MARK: Tables

  /// A mapping whose values are mappings; nil for others, which are ranges.
  private static func table(
    _ entries: [PipelineNode.Entry], _ variable: String
  ) throws(PipelineError) -> [(key: PipelineNode, row: [PipelineNode.Entry])]? {
    guard case .mapping? = entries.first?.value.content else { return nil }
    var rows: [(key: PipelineNode, row: [PipelineNode.Entry])] = []
    for entry in entries {
      guard case .mapping(let row) = entry.value.content else {
        throw PipelineError(
          "the row '\(entry.name)' of '\(variable)' is \(entry.value.kind), where others are mappings",
          at: entry.value.position)
      }
      let key = PipelineNode(content: .scalar(entry.name, isPlain: true), position: entry.position)
      rows.append((key: key, row: row))
    }
    try check(rows.map(\.key), variable)
    return rows
  }

  // MARK: Ranges

  /// Whether a text is written like `1..10`.
  static func isRange(_ text: String) -> Bool { ends(ofRange: text) != nil }

  private static func ends(ofRange text: String) -> (from: Int, to: Int)? {
    guard let dots = text.firstRange(of: "..") else { return nil }
    guard let from = Int(text[..<dots.lowerBound]), let to = Int(text[dots.upperBound...]) else { return nil }
    return (from, to)
  }

  /// The numbers of a range in either form, as a list; nil for what is no range.
  /// - Parameter name: of what has this value.
  static func list(ofRange node: PipelineNode, _ name: String) throws(PipelineError) -> PipelineNode? {
    let numbers: [PipelineNode]? =
      if let entries = node.mapping {
        try range(entries, name, at: node.position)
      } else if let text = node.text {
        try range(text, name, at: node.position)
      } else {
        nil
      }
    return numbers.map { PipelineNode(content: .list($0), position: node.position) }
  }

  /// `1..10`; nil for a text that is no range.
  private static func range(
    _ text: String, _ variable: String, at position: Position
  ) throws(PipelineError) -> [PipelineNode]? {
    guard let (from, to) = ends(ofRange: text) else { return nil }
    return try numbers(from, to, variable, at: position) { $0.addingReportingOverflow(1) }
  }

  private static func range(
    _ entries: [PipelineNode.Entry], _ variable: String, at position: Position
  ) throws(PipelineError) -> [PipelineNode] {
    var numbers: [String: Int] = [:]
    for entry in entries {
      let names = ["from", "to", "step", "factor"]
      guard names.contains(entry.name) else {
        throw PipelineError(
          "a range has no '\(entry.name)'", at: entry.position,
          hint: Suggestion.hint(for: entry.name, among: names))
      }
      guard let number = entry.value.json.integer else {
        throw PipelineError(
          "'\(entry.name)' takes a whole number, not \(entry.value.kind)", at: entry.value.position,
          hint: "other values can be given as a list")
      }
      numbers[entry.name] = number
    }
    guard let from = numbers["from"], let to = numbers["to"] else {
      throw PipelineError("a range needs from: and to:", at: position)
    }
    switch (numbers["step"], numbers["factor"]) {
    case (let step, nil):
      let step = step ?? 1
      guard step >= 1 else { throw PipelineError("the step of a range is at least 1", at: position) }
      return try self.numbers(from, to, variable, at: position) { $0.addingReportingOverflow(step) }
    case (nil, let factor?):
      guard factor >= 2, from >= 1 else {
        throw PipelineError(
          "a range with a factor starts at 1 or more; the factor is at least 2", at: position)
      }
      return try self.numbers(from, to, variable, at: position) { $0.multipliedReportingOverflow(by: factor) }
    case (_?, _?):
      throw PipelineError("a range has either a step or a factor", at: position)
    }
  }

  private static func numbers(
    _ from: Int, _ to: Int, _ variable: String, at position: Position,
    next: (Int) -> (partialValue: Int, overflow: Bool)
  ) throws(PipelineError) -> [PipelineNode] {
    guard from <= to else {
      throw PipelineError("the range from \(from) to \(to) is empty", at: position, hint: "ranges ascend")
    }
    var values: [PipelineNode] = []
    var number = from
    while number <= to {
      values.append(PipelineNode(content: .scalar(String(number), isPlain: true), position: position))
      guard values.count <= Planner.mostInstances else { throw tooMany(variable, at: position) }
      let (following, overflow) = next(number)
      if overflow { break }
      number = following
    }
    return values
  }

  static func tooMany(_ variable: String, at position: Position) -> PipelineError {
    PipelineError("'\(variable)' has more than \(Planner.mostInstances) values", at: position)
  }
}
