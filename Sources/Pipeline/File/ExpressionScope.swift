/// The names that can be used in expressions, with their values.
struct ExpressionScope {
  /// A value may grow to this many bytes and nodes: a few lines that double each other can ask for any amount.
  static let largestValue = 1 << 20

  private(set) var parameters: [String: PipelineNode] = [:]
  /// Few, and other ones for each instance.
  private var variables: [(name: String, value: PipelineNode)] = []

  subscript(_ name: String) -> PipelineNode? {
    variables.last { $0.name == name }?.value ?? parameters[name]
  }

  mutating func define(parameter name: String, _ value: PipelineNode) { parameters[name] = value }

  /// The same with one more variable, and with `${name.column}` for each value of its row.
  func adding(_ name: String, _ value: PipelineNode, row: [PipelineNode.Entry] = []) -> ExpressionScope {
    var scope = self
    scope.variables.append((name, value))
    for entry in row { scope.variables.append(("\(name).\(entry.name)", entry.value)) }
    return scope
  }

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

  /// A command's text: parameters are the author's own text, variables come from data and are text for the shell, and
  /// `${in.NAME}` and `${out.NAME}` are the runner's to replace.
  func template(_ node: PipelineNode, for shell: CommandShell) throws(PipelineError) -> ShellTemplate {
    guard let text = node.text else {
      throw PipelineError("run: takes shell text, not \(node.kind)", at: node.position)
    }
    var size = 0
    var pieces: [ShellTemplate.Piece] = []
    for part in try Expression(text, at: node.position).parts {
      switch part {
      case .text(let text): pieces.append(.code(text))
      case .path(let name): pieces.append(.path(name))
      case .variable(let name):
        let value = try self.text(of: name, at: node.position, &size)
        pieces.append(parameters[name] == nil ? .value(name: name, value) : .code(value))
      }
    }
    return try ShellTemplate(pieces, shell: shell, at: node.position)
  }

  private func evaluate(_ node: PipelineNode, _ size: inout Int) throws(PipelineError) -> PipelineNode {
    switch node.content {
    case .scalar(let text, _):
      try count(text.utf8.count + 1, &size, at: node.position)
      guard Expression.isNeeded(in: text) else { return node }
      let expression = try Expression(text, at: node.position)
      if let name = expression.soleVariable {
        let value = try value(of: name, at: node.position)
        try count(value, &size, at: node.position)
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

  private func value(of name: String, at position: Position) throws(PipelineError) -> PipelineNode {
    guard let value = self[name] else { throw unknown(name, at: position) }
    if value.isNull {
      throw PipelineError(
        "the parameter '\(name)' has no value", at: position,
        hint: "give it one: \(name)=VALUE, or a default under params:")
    }
    return value
  }

  private func unknown(_ name: String, at position: Position) -> PipelineError {
    let variable = Expression.variable(of: name)
    guard variable != name, let key = self[variable]?.text else {
      return PipelineError("unknown name ${\(name)}", at: position)
    }
    let columns = variables.map(\.name).filter { $0.hasPrefix("\(variable).") }
    return PipelineError(
      "'\(key.excerpt)' has no ${\(name)}", at: position,
      hint: columns.isEmpty
        ? "a variable has values of its own where it runs over a mapping of mappings"
        : "it has \(columns.map { "${\($0)}" }.joined(separator: ", "))")
  }

  private func text(
    of name: String, at position: Position, _ size: inout Int
  ) throws(PipelineError) -> String {
    let value = try value(of: name, at: position)
    guard let text = value.text else {
      throw PipelineError("'\(name)' is \(value.kind), which cannot stand inside a text", at: position)
    }
    try count(text.utf8.count, &size, at: position)
    return text
  }

  private func count(
    _ node: PipelineNode, _ size: inout Int, at position: Position
  ) throws(PipelineError) {
    switch node.content {
    case .scalar(let text, _): try count(text.utf8.count + 1, &size, at: position)
    case .list(let elements):
      try count(1, &size, at: position)
      for element in elements { try count(element, &size, at: position) }
    case .mapping(let entries):
      try count(1, &size, at: position)
      for entry in entries { try count(entry.value, &size, at: position) }
    }
  }

  private func count(_ more: Int, _ size: inout Int, at position: Position) throws(PipelineError) {
    size += more
    if size > ExpressionScope.largestValue {
      throw PipelineError(
        "this value becomes larger than \(ExpressionScope.largestValue) bytes", at: position)
    }
  }
}
