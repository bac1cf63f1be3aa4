import Actions
import JSON

/// A condition over `for:` variables and parameters, such as `${size} != 188k and not (${seed} in [1, 2])`. It compares
/// values and does nothing else, so that it always comes to an end.
struct Condition: Sendable {
  indirect enum Test: Sendable {
    case all([Test])
    case any([Test])
    case not(Test)
    case holds(Operand)
    case compares(Operand, Comparison, Operand)
    case isAmong(Operand, Operand)
  }

  enum Comparison: String, CaseIterable, Sendable {
    case equal = "=="
    case unequal = "!="
    case atMost = "<="
    case atLeast = ">="
    case less = "<"
    case greater = ">"
  }

  struct Operand: Sendable {
    enum Kind: Sendable {
      case value(PipelineNode)
      /// Of a variable, a column of it, or a parameter.
      case name(String)
      case list([Operand])
    }

    let kind: Kind
    let position: Position
  }

  let test: Test
  /// Of `unless:`.
  let isNegated: Bool
  /// All that it asks for, each once.
  let names: [String]

  /// - Parameters:
  ///   - node: what `where:` or `unless:` gives.
  ///   - field: which of the two.
  ///   - variables: of the stage.
  ///   - parameters: of the file.
  init(
    _ node: PipelineNode, field: String, variables: [String], parameters: Set<String>
  ) throws(PipelineError) {
    guard let text = node.text, !node.isNull, !text.allSatisfy(\.isWhitespace) else {
      throw PipelineError(
        "\(field): takes a condition, not \(node.kind)", at: node.position,
        hint: "such as ${size} != 188k and ${seed} in [1, 2]")
    }
    var parser = ConditionParser(try ConditionLexer.tokens(of: text, in: node), variables: Set(variables))
    test = try parser.condition()
    isNegated = field == "unless"
    var names: [String] = []
    for (name, position) in parser.names {
      let known = parameters.union(variables)
      try PipelineNode(content: .scalar("${\(name)}", isPlain: false), position: position).check(names: known)
      if !names.contains(name) { names.append(name) }
    }
    self.names = names
  }

  /// - Parameter value: of a name.
  func holds(
    _ value: (String, Position) throws(PipelineError) -> PipelineNode
  ) throws(PipelineError) -> Bool {
    try Condition.holds(test, value) != isNegated
  }

  // MARK: Evaluation

  private typealias Values = (String, Position) throws(PipelineError) -> PipelineNode

  private static func holds(_ test: Test, _ values: Values) throws(PipelineError) -> Bool {
    switch test {
    case .all(let tests):
      for test in tests where try !holds(test, values) { return false }
      return true
    case .any(let tests):
      for test in tests where try holds(test, values) { return true }
      return false
    case .not(let test):
      return try !holds(test, values)
    case .holds(let operand):
      let value = try value(operand, values)
      guard let holds = value.json.bool else {
        throw PipelineError(
          "\(value.kind) is neither true nor false", at: operand.position,
          hint: "compare it, as in ${NAME} == \(value.text?.excerpt ?? "VALUE")")
      }
      return holds
    case .compares(let left, let comparison, let right):
      return try compare(left, comparison, right, values)
    case .isAmong(let element, let list):
      let text = try scalar(element, values)
      let value = try value(list, values)
      switch value.content {
      case .list(let elements): return elements.contains { areEqual($0, text) }
      case .mapping(let entries): return entries.contains { $0.name == text.text }
      case .scalar:
        throw PipelineError(
          "'in' takes a list, not \(value.kind)", at: list.position, hint: "such as [\(value.text ?? "")]")
      }
    }
  }

  private static func value(_ operand: Operand, _ values: Values) throws(PipelineError) -> PipelineNode {
    switch operand.kind {
    case .value(let node): return node
    case .name(let name): return try values(name, operand.position)
    case .list(let operands):
      var elements: [PipelineNode] = []
      for operand in operands { elements.append(try value(operand, values)) }
      return PipelineNode(content: .list(elements), position: operand.position)
    }
  }

  private static func scalar(_ operand: Operand, _ values: Values) throws(PipelineError) -> PipelineNode {
    let value = try value(operand, values)
    if value.text == nil {
      throw PipelineError("\(value.kind) cannot be compared", at: operand.position)
    }
    return value
  }

  private static func compare(
    _ left: Operand, _ comparison: Comparison, _ right: Operand, _ values: Values
  ) throws(PipelineError) -> Bool {
    let (a, b) = (try scalar(left, values), try scalar(right, values))
    switch comparison {
    case .equal: return areEqual(a, b)
    case .unequal: return !areEqual(a, b)
    case .less: return try number(a, left, comparison) < number(b, right, comparison)
    case .greater: return try number(a, left, comparison) > number(b, right, comparison)
    case .atMost: return try number(a, left, comparison) <= number(b, right, comparison)
    case .atLeast: return try number(a, left, comparison) >= number(b, right, comparison)
    }
  }

  /// Numbers by their value, all else as it is written.
  private static func areEqual(_ a: PipelineNode, _ b: PipelineNode) -> Bool {
    if let text = a.text, text == b.text { return true }
    guard case .integer(let x) = a.json, case .integer(let y) = b.json else {
      if let x = a.json.double, let y = b.json.double { return x == y }
      return false
    }
    return x == y
  }

  private static func number(
    _ node: PipelineNode, _ operand: Operand, _ comparison: Comparison
  ) throws(PipelineError) -> Double {
    guard let number = node.json.double else {
      throw PipelineError(
        "'\(comparison.rawValue)' compares numbers, and \(node.kind) is none", at: operand.position)
    }
    return number
  }
}
