package import Actions
package import JSON
import System

extension PipelineFile {
  /// The values of all parameters, as they are applied.
  package func parameters(overrides: [(name: String, value: String)]) throws(PipelineError) -> [String: JSON]
  {
    try scope(overrides: overrides).parameters.mapValues(\.json)
  }

  /// The parameters' values: what overrides give, otherwise the defaults with their references replaced.
  func scope(overrides: [(name: String, value: String)]) throws(PipelineError) -> ExpressionScope {
    var given: [String: String] = [:]
    for override in overrides {
      guard parameterEntries.contains(where: { $0.name == override.name }) else {
        throw PipelineError(
          "there is no parameter '\(override.name)'", facts: [("file", path)],
          hint: Suggestion.hint(for: override.name, among: parameterEntries.map(\.name))
            ?? "the file has no params:")
      }
      given[override.name] = override.value
    }
    var scope = ExpressionScope()
    for entry in parameterEntries {
      let value: PipelineNode
      if let text = given[entry.name] {
        // The default may refer to a parameter without a value: nobody needs that now.
        let type = (try? scope.evaluate(entry.value)) ?? entry.value
        value = try override(entry, text, type: type)
      } else {
        value = try scope.evaluate(entry.value)
      }
      scope.define(parameter: entry.name, value)
    }
    return scope
  }

  /// The parameters' values in a file that includes this one.
  ///
  /// - Parameter outer: the parameters of that file.
  func scope(
    including declaration: IncludeDeclaration, in outer: ExpressionScope
  ) throws(PipelineError) -> ExpressionScope {
    var given: [String: PipelineNode] = [:]
    for entry in declaration.values {
      guard parameterEntries.contains(where: { $0.name == entry.name }) else {
        throw PipelineError(
          "'\(path)' has no parameter '\(entry.name)'", at: entry.position,
          hint: Suggestion.hint(for: entry.name, among: parameterEntries.map(\.name))
            ?? "it has no params:")
      }
      given[entry.name] = try outer.evaluate(entry.value)
    }
    var scope = ExpressionScope()
    for entry in parameterEntries {
      if var value = given[entry.name] {
        let type = (try? scope.evaluate(entry.value)) ?? entry.value
        if case .array = type.json, let list = try value.listOfRange(entry.name) { value = list }
        guard value.fits(type) else {
          throw PipelineError(
            "the parameter '\(entry.name)' takes \(type.json.kind), not \(value.kind)", at: value.position,
            facts: [("declared", "\(entry.position)"), ("default", type.json.canonical)])
        }
        scope.define(parameter: entry.name, value)
      } else {
        scope.define(parameter: entry.name, try scope.evaluate(entry.value))
      }
    }
    return scope
  }

  /// - Parameter type: the default, whose type the value must have.
  private func override(
    _ entry: PipelineNode.Entry, _ text: String, type: PipelineNode
  ) throws(PipelineError) -> PipelineNode {
    func node(_ content: PipelineNode.Content) -> PipelineNode {
      PipelineNode(content: content, position: entry.value.position)
    }
    func mismatch(_ wanted: String, hint: String? = nil) -> PipelineError {
      PipelineError(
        "the parameter '\(entry.name)' takes \(wanted), not '\(text)'",
        facts: [("declared", "\(entry.position)"), ("default", type.json.canonical)], hint: hint)
    }
    let plain = node(.scalar(text, isPlain: true))
    switch type.json {
    case .null:
      let isCollection = text.hasPrefix("[") || text.hasPrefix("{")
      return isCollection ? try parsed(entry, text) : plain
    case .string(let range) where PlannedKeys.isRange(range) && (text.hasPrefix("[") || text.hasPrefix("{")):
      return try parsed(entry, text)
    case .string:
      return node(.scalar(text, isPlain: false))
    case .bool:
      guard plain.json.bool != nil else { throw mismatch("true or false") }
      return plain
    case .integer:
      guard case .integer = plain.json else {
        throw mismatch(
          "a whole number",
          hint: plain.json.double == nil ? nil : "a default of 1.0 instead of 1 takes any number")
      }
      return plain
    case .number:
      guard plain.json.double != nil else { throw mismatch("a number") }
      return plain
    case .array:
      if text.hasPrefix("[") { return try parsed(entry, text) }
      let value = text.hasPrefix("{") ? try parsed(entry, text) : plain
      if let list = try value.listOfRange(entry.name) { return list }
      if text.hasPrefix("{") { throw mismatch("a list", hint: "write [a, b] or a,b") }
      let elements = text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false)
      return node(
        .list(elements.map { node(.scalar(String($0.drop { $0 == " " }), isPlain: true)) }))
    case .object:
      if type.isRange, text.hasPrefix("[") { return try parsed(entry, text) }
      guard text.hasPrefix("{") else { throw mismatch("a mapping", hint: "write {name: value}") }
      return try parsed(entry, text)
    }
  }

  private func parsed(_ entry: PipelineNode.Entry, _ text: String) throws(PipelineError) -> PipelineNode {
    do {
      return try PipelineNode.read(text, file: entry.name)
    } catch {
      throw PipelineError(
        Failure(
          error.code, "the value given for '\(entry.name)': \(error.headline)",
          facts: [("value", text)] + error.facts, hint: error.hint, cause: error))
    }
  }
}

extension PipelineNode {
  /// Whether it can stand for a parameter with this default.
  fileprivate func fits(_ type: PipelineNode) -> Bool {
    switch (type.json, json) {
    case (.null, _), (.bool, .bool), (.integer, .integer), (.array, .array), (.object, .object): true
    case (.number, .integer), (.number, .number): true
    case (.string, _): text != nil
    case (.object, .array): type.isRange
    default: false
    }
  }

  /// Of a range in either form the list that it stands for, which may be given to an operation, and not only run over; nil for what is
  /// no range.
  /// - Parameter name: of the parameter.
  fileprivate func listOfRange(_ name: String) throws(PipelineError) -> PipelineNode? {
    if mapping != nil, !isRange { return nil }
    return try PlannedKeys.list(ofRange: self, name)
  }

  /// Whether it is a mapping that `for:` takes for a range.
  fileprivate var isRange: Bool {
    guard let names = mapping?.map(\.name) else { return false }
    return names.contains("from") && names.contains("to")
  }
}
