import Actions

/// The parameters of a pipeline file, with their values.
struct ExpressionScope {
  /// A value may grow to this many bytes and nodes: a few lines that double each other can ask for any amount.
  static let largestValue = 1 << 20

  private(set) var parameters: [String: PipelineNode] = [:]
  mutating func define(parameter name: String, _ value: PipelineNode) { parameters[name] = value }

  /// The value with all names replaced: what is exactly `${NAME}` becomes that value as it is, all else text.
  func evaluate(_ node: PipelineNode) throws(PipelineError) -> PipelineNode {
    var size = 0
    return try evaluate(node, &size)
  }

  /// The value as text; an error where it is a list or a mapping.
  func text(_ node: PipelineNode) throws(PipelineError) -> String {
    let value = try evaluate(node)
    guard let text = value.text else {
      throw PipelineError("a text is wanted here, not \(value.kind)", at: node.position)
    }
    return text
  }

  private func evaluate(_ node: PipelineNode, _ size: inout Int) throws(PipelineError) -> PipelineNode {
    switch node.content {
    case .scalar(let text, _):
      try ExpressionScope.count(text.utf8.count + 1, &size, at: node.position)
      guard Expression.isNeeded(in: text) else { return node }
      let expression = try Expression(text, at: node.position)
      if let name = expression.soleVariable {
        let value = try value(of: name, at: node.position)
        try ExpressionScope.count(value, &size, at: node.position)
        return value.moved(to: node.position)
      }
      var result = ""
      for part in expression.parts {
        switch part {
        case .text(let text): result += text
        case .variable(let name): result += try self.text(of: name, at: node.position, &size)
        case .path(let name): result += "${\(name)}"
        }
      }
      return PipelineNode(content: .scalar(result, isPlain: false), position: node.position)
    case .list(let elements):
      var values: [PipelineNode] = []
      for element in elements { values.append(try evaluate(element, &size)) }
      return PipelineNode(content: .list(values), position: node.position)
    case .mapping(let entries):
      var values: [PipelineNode.Entry] = []
      for entry in entries {
        let value = try evaluate(entry.value, &size)
        values.append(PipelineNode.Entry(name: entry.name, position: entry.position, value: value))
      }
      return PipelineNode(content: .mapping(values), position: node.position)
    }
  }

  func value(of name: String, at position: Position) throws(PipelineError) -> PipelineNode {
    guard let value = parameters[name] ?? first(name) else { throw unknown(name, at: position) }
    if value.isNull {
      throw PipelineError(
        ExpressionScope.unset(name), at: position,
        hint: "give it one: \(name)=VALUE, or a default under params:")
    }
    return value
  }

  /// `${LIST.first}`: the first value of a list or range; nil for any other name.
  private func first(_ name: String) -> PipelineNode? {
    let parameter = Expression.variable(of: name)
    guard name == parameter + ".first", let list = parameters[parameter] else { return nil }
    switch list.content {
    case .list(let elements): return elements.first
    case .mapping(let entries): return entries.first { $0.name == "from" }?.value
    case .scalar(let text, let isPlain):
      guard let dots = text.firstRange(of: "..") else { return nil }
      return PipelineNode(
        content: .scalar(String(text[..<dots.lowerBound]), isPlain: isPlain), position: list.position)
    }
  }

  /// The headline of a parameter that must be given a value.
  static func unset(_ name: String) -> String { "the parameter '\(name)' has no value" }

  private func unknown(_ name: String, at position: Position) -> PipelineError {
    let parameter = Expression.variable(of: name)
    guard parameter != name, let value = parameters[parameter] else {
      return PipelineError("unknown name ${\(name)}", at: position)
    }
    return PipelineError(
      "'\(value.text?.excerpt ?? parameter)' has no ${\(name)}", at: position,
      hint: "a variable has values of its own where it runs over a mapping of mappings")
  }

  func text(
    of name: String, at position: Position, _ size: inout Int
  ) throws(PipelineError) -> String {
    let value = try value(of: name, at: position)
    guard let text = value.text else {
      throw PipelineError("'\(name)' is \(value.kind), which cannot stand inside a text", at: position)
    }
    try ExpressionScope.count(text.utf8.count, &size, at: position)
    return text
  }

  static func count(
    _ node: PipelineNode, _ size: inout Int, at position: Position
  ) throws(PipelineError) {
    switch node.content {
    case .scalar(let text, _): try ExpressionScope.count(text.utf8.count + 1, &size, at: position)
    case .list(let elements):
      try ExpressionScope.count(1, &size, at: position)
      for element in elements { try ExpressionScope.count(element, &size, at: position) }
    case .mapping(let entries):
      try ExpressionScope.count(1, &size, at: position)
      for entry in entries { try ExpressionScope.count(entry.value, &size, at: position) }
    }
  }

  static func count(_ more: Int, _ size: inout Int, at position: Position) throws(PipelineError) {
    size += more
    if size > ExpressionScope.largestValue {
      throw PipelineError(
        "this value becomes larger than \(ExpressionScope.largestValue) bytes", at: position)
    }
  }
}
