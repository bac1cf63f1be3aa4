import Actions

/// A value of a stage whose expressions were read once for all its instances: parameters are already in it, `for:`
/// variables are still open.
struct OpenValue {
  enum Part {
    case text(String)
    case slot(Slot)
  }

  indirect enum Content {
    case fixed(PipelineNode)
    /// Nothing but one variable, whose value keeps its type.
    case sole(Slot)
    case text([Part])
    case list([OpenValue])
    case mapping([Entry])
  }

  struct Entry {
    let name: String
    let position: Position
    let value: OpenValue
  }

  let content: Content
  let position: Position

  /// - Parameter names: what its expressions can name.
  init(_ node: PipelineNode, _ names: StageNames) throws(PipelineError) {
    var size = 0
    try self.init(node, names, &size)
  }

  init(fixed node: PipelineNode) {
    content = .fixed(node)
    position = node.position
  }

  /// The value if it is the same for all instances.
  var fixed: PipelineNode? { if case .fixed(let node) = content { node } else { nil } }

  /// The value of one instance.
  func value(_ bindings: [Binding]) throws(PipelineError) -> PipelineNode {
    var size = 0
    return try value(bindings, &size)
  }

  /// The value of one instance as text; an error where it is a list or a mapping.
  func text(_ bindings: [Binding]) throws(PipelineError) -> String {
    let value = try value(bindings)
    guard let text = value.text else {
      throw PipelineError("a text is wanted here, not \(value.kind)", at: position)
    }
    return text
  }

  /// The text of nothing but texts and variables; nil for lists and mappings.
  var parts: [Part]? {
    switch content {
    case .fixed(let node): node.text.map { [.text($0)] }
    case .sole(let slot): [.slot(slot)]
    case .text(let parts): parts
    case .list, .mapping: nil
    }
  }

  // MARK: Reading

  private init(_ node: PipelineNode, _ names: StageNames, _ size: inout Int) throws(PipelineError) {
    position = node.position
    switch node.content {
    case .scalar(let text, _):
      try ExpressionScope.count(text.utf8.count + 1, &size, at: position)
      if Expression.isNeeded(in: text) {
        content = try OpenValue.scalar(try Expression(text, at: position), node, names, &size)
      } else {
        content = .fixed(node)
      }
    case .list(let elements):
      var values: [OpenValue] = []
      values.reserveCapacity(elements.count)
      for element in elements { values.append(try OpenValue(element, names, &size)) }
      let fixed = values.compactMap(\.fixed)
      content =
        fixed.count == values.count
        ? .fixed(PipelineNode(content: .list(fixed), position: position)) : .list(values)
    case .mapping(let entries):
      var values: [Entry] = []
      values.reserveCapacity(entries.count)
      for entry in entries {
        values.append(
          Entry(
            name: entry.name, position: entry.position, value: try OpenValue(entry.value, names, &size)))
      }
      let fixed = values.compactMap { entry in
        entry.value.fixed.map {
          PipelineNode.Entry(name: entry.name, position: entry.position, value: $0)
        }
      }
      content =
        fixed.count == values.count
        ? .fixed(PipelineNode(content: .mapping(fixed), position: position)) : .mapping(values)
    }
  }

  private static func scalar(
    _ expression: Expression, _ node: PipelineNode, _ names: StageNames, _ size: inout Int
  ) throws(PipelineError) -> Content {
    if let name = expression.soleVariable {
      if let slot = names.slot(name) { return .sole(slot) }
      let value = try names.scope.value(of: name, at: node.position)
      try ExpressionScope.count(value, &size, at: node.position)
      return .fixed(value.moved(to: node.position))
    }
    var parts: [Part] = []
    var literal = ""
    for part in expression.parts {
      switch part {
      case .text(let text): literal += text
      case .path(let name): literal += "${\(name)}"
      case .variable(let name):
        guard let slot = names.slot(name) else {
          literal += try names.scope.text(of: name, at: node.position, &size)
          continue
        }
        if !literal.isEmpty { parts.append(.text(literal)) }
        literal = ""
        parts.append(.slot(slot))
      }
    }
    if parts.isEmpty {
      return .fixed(PipelineNode(content: .scalar(literal, isPlain: false), position: node.position))
    }
    if !literal.isEmpty { parts.append(.text(literal)) }
    return .text(parts)
  }

  // MARK: Values

  private func value(_ bindings: [Binding], _ size: inout Int) throws(PipelineError) -> PipelineNode {
    switch content {
    case .fixed(let node): return node
    case .sole(let slot):
      let value = try slot.value(bindings, at: position)
      try ExpressionScope.count(value, &size, at: position)
      return value.moved(to: position)
    case .text(let parts):
      var text = ""
      for part in parts {
        switch part {
        case .text(let literal): text += literal
        case .slot(let slot):
          let value = try slot.text(bindings, at: position)
          try ExpressionScope.count(value.utf8.count, &size, at: position)
          text += value
        }
      }
      return PipelineNode(content: .scalar(text, isPlain: false), position: position)
    case .list(let elements):
      var values: [PipelineNode] = []
      values.reserveCapacity(elements.count)
      for element in elements { values.append(try element.value(bindings, &size)) }
      return PipelineNode(content: .list(values), position: position)
    case .mapping(let entries):
      var values: [PipelineNode.Entry] = []
      values.reserveCapacity(entries.count)
      for entry in entries {
        values.append(
          PipelineNode.Entry(
            name: entry.name, position: entry.position, value: try entry.value.value(bindings, &size)))
      }
      return PipelineNode(content: .mapping(values), position: position)
    }
  }
}

/// What the expressions of a stage can name.
struct StageNames {
  let scope: ExpressionScope
  let variables: [String]

  /// Nil for what is no variable and no column of one.
  func slot(_ name: String) -> Slot? {
    if let index = variables.firstIndex(of: name) { return Slot(variable: index, column: nil, name: name) }
    guard let dot = name.firstIndex(of: "."), let index = variables.firstIndex(of: String(name[..<dot]))
    else { return nil }
    return Slot(variable: index, column: String(name[name.index(after: dot)...]), name: name)
  }
}
