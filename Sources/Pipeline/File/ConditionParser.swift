import Actions

/// Reads the words and signs of a condition: comparisons joined by `and`, `or`, `not` and parentheses.
struct ConditionParser {
  typealias Token = ConditionLexer.Token

  /// Parentheses, brackets and `not` inside each other.
  private static let deepest = 32

  private let tokens: [Token]
  private let variables: Set<String>
  private var index = 0
  private var depth = 0
  /// All that were read, with their positions.
  private(set) var names: [(name: String, position: Position)] = []

  init(_ tokens: [Token], variables: Set<String>) {
    self.tokens = tokens
    self.variables = variables
  }

  mutating func condition() throws(PipelineError) -> Condition.Test {
    let test = try any()
    if let token = current {
      throw PipelineError(
        "\(token.shown) is not expected here", at: token.position,
        hint: "conditions are joined by 'and' or 'or'")
    }
    return test
  }

  // MARK: Tests

  private mutating func any() throws(PipelineError) -> Condition.Test {
    var tests = [try all()]
    while take(word: "or") { tests.append(try all()) }
    return tests.count == 1 ? tests[0] : .any(tests)
  }

  private mutating func all() throws(PipelineError) -> Condition.Test {
    var tests = [try negation()]
    while take(word: "and") { tests.append(try negation()) }
    return tests.count == 1 ? tests[0] : .all(tests)
  }

  private mutating func negation() throws(PipelineError) -> Condition.Test {
    if let token = current, token.kind == .word("not") || token.kind == .sign("(") {
      try descend(at: token)
      defer { depth -= 1 }
      index += 1
      if token.kind == .word("not") { return .not(try negation()) }
      let test = try any()
      try close(")", of: token)
      return test
    }
    return try comparison()
  }

  private mutating func comparison() throws(PipelineError) -> Condition.Test {
    let left = try operand()
    if case .comparison(let comparison)? = current?.kind {
      index += 1
      return .compares(left, comparison, try operand())
    }
    if take(word: "in") { return .isAmong(left, try operand()) }
    if current?.kind == .word("not"), index + 1 < tokens.count, tokens[index + 1].kind == .word("in") {
      index += 2
      return .not(.isAmong(left, try operand()))
    }
    return .holds(left)
  }

  // MARK: Operands

  private mutating func operand() throws(PipelineError) -> Condition.Operand {
    guard let token = current else {
      throw PipelineError("a value is missing at the end of the condition", at: tokens.last?.position)
    }
    index += 1
    func operand(_ kind: Condition.Operand.Kind) -> Condition.Operand {
      Condition.Operand(kind: kind, position: token.position)
    }
    func text(_ text: String, isPlain: Bool) -> Condition.Operand {
      operand(.value(PipelineNode(content: .scalar(text, isPlain: isPlain), position: token.position)))
    }
    switch token.kind {
    case .quoted(let quoted): return text(quoted, isPlain: false)
    case .name(let name):
      names.append((name, token.position))
      return operand(.name(name))
    case .word(let word):
      if variables.contains(word) {
        throw PipelineError(
          "'\(word)' is a text here", at: token.position,
          hint: "write ${\(word)} for the variable, or '\(word)' in quotes for the text")
      }
      if ["and", "or", "not", "in"].contains(word) {
        throw PipelineError(
          "a value is missing before '\(word)'", at: token.position,
          hint: "the text '\(word)' is written in quotes")
      }
      return text(word, isPlain: true)
    case .sign("["): return operand(.list(try elements(of: token)))
    case .sign, .comparison:
      throw PipelineError("a value is missing before \(token.shown)", at: token.position)
    }
  }

  private mutating func elements(of bracket: Token) throws(PipelineError) -> [Condition.Operand] {
    try descend(at: bracket)
    defer { depth -= 1 }
    var elements: [Condition.Operand] = []
    if take(sign: "]") { return elements }
    repeat { elements.append(try operand()) } while take(sign: ",")
    try close("]", of: bracket)
    return elements
  }

  // MARK: Tokens

  private var current: Token? { index < tokens.count ? tokens[index] : nil }

  private mutating func take(word: String) -> Bool {
    guard current?.kind == .word(word) else { return false }
    index += 1
    return true
  }

  private mutating func take(sign: Character) -> Bool {
    guard current?.kind == .sign(sign) else { return false }
    index += 1
    return true
  }

  private mutating func close(_ sign: Character, of opening: Token) throws(PipelineError) {
    if take(sign: sign) { return }
    throw PipelineError(
      "'\(sign)' is missing" + (current.map { " before \($0.shown)" } ?? " at the end of the condition"),
      at: current?.position ?? opening.position)
  }

  private mutating func descend(at token: Token) throws(PipelineError) {
    depth += 1
    if depth > ConditionParser.deepest {
      throw PipelineError(
        "the condition is nested more than \(ConditionParser.deepest) deep", at: token.position)
    }
  }
}
