import Actions
import JSON

/// A value in a pipeline file, and where it stands.
struct PipelineNode: Sendable {
  enum Content: Sendable {
    /// The text as it is written; plain if it stands there without quotes, so that it may be a number.
    case scalar(String, isPlain: Bool)
    case list([PipelineNode])
    case mapping([Entry])
  }

  struct Entry: Sendable {
    let name: String
    /// Of the name.
    let position: Position
    let value: PipelineNode
  }

  let content: Content
  let position: Position

  var text: String? { if case .scalar(let text, _) = content { text } else { nil } }
  var list: [PipelineNode]? { if case .list(let elements) = content { elements } else { nil } }
  var mapping: [Entry]? { if case .mapping(let entries) = content { entries } else { nil } }

  /// What a message calls this kind of value.
  var kind: String {
    switch content {
    case .scalar(let text, let isPlain): isPlain && JSON(plain: text).isNull ? "nothing" : "'\(text.excerpt)'"
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }

  /// The same value, standing elsewhere.
  func moved(to position: Position) -> PipelineNode { PipelineNode(content: content, position: position) }

  /// The value, typed by YAML's core schema.
  package var json: JSON {
    switch content {
    case .scalar(let text, isPlain: true): JSON(plain: text)
    case .scalar(let text, isPlain: false): .string(text)
    case .list(let elements): .array(elements.map(\.json))
    case .mapping(let entries):
      .object(Dictionary(entries.map { ($0.name, $0.value.json) }, uniquingKeysWith: { _, last in last }))
    }
  }

  /// The value with all scalars taken as they are written.
  var verbatim: JSON {
    switch content {
    case .scalar(let text, _): .string(text)
    case .list(let elements): .array(elements.map(\.verbatim))
    case .mapping(let entries):
      .object(Dictionary(entries.map { ($0.name, $0.value.verbatim) }, uniquingKeysWith: { _, last in last }))
    }
  }

  var isNull: Bool {
    if case .scalar(let text, isPlain: true) = content { JSON(plain: text).isNull } else { false }
  }
}

extension JSON {
  /// A plain scalar as YAML 1.2's core schema types it (chapter 10.3.2): null, a boolean, a number, or text. Numbers that
  /// are not finite, or whole and too large for 64 bits, are a text and a double.
  init(plain text: String) {
    switch text {
    case "", "~", "null", "Null", "NULL": self = .null
    case "true", "True", "TRUE": self = .bool(true)
    case "false", "False", "FALSE": self = .bool(false)
    default: self = JSON.number(plain: text) ?? .string(text)
    }
  }

  private static func number(plain text: String) -> JSON? {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    var rest = Substring(text).utf8
    if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest.removeFirst() }
    guard let first = rest.first, digits.contains(first) || first == UInt8(ascii: ".") else { return nil }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] where text.hasPrefix(prefix) {
      let digits = text.dropFirst(2)
      return digits.first?.isHexDigit == true ? Int64(digits, radix: radix).map { .integer($0) } : nil
    }

    let whole = rest.prefix(while: digits.contains)
    rest = rest.dropFirst(whole.count)
    if rest.isEmpty, let value = Int64(text) { return .integer(value) }
    var fraction = rest.prefix(0)
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      fraction = rest.prefix(while: digits.contains)
      rest = rest.dropFirst(fraction.count)
    }
    guard !whole.isEmpty || !fraction.isEmpty else { return nil }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
      guard let digit = rest.first, digits.contains(digit) else { return nil }
      rest = rest.drop(while: digits.contains)
    }
    guard rest.isEmpty, let value = Double(text), value.isFinite else { return nil }
    return .number(value)
  }
}
