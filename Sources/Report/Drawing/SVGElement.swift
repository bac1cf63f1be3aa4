internal import System

/// A node of the small part of SVG that figures are made of.
struct SVGElement: Sendable, Hashable {
  enum Node: Sendable, Hashable {
    case element(SVGElement)
    case text(String)
  }

  var name: String
  /// In the file's order.
  var attributes: [(name: String, value: String)]
  var children: [Node]

  init(_ name: String, _ attributes: [(name: String, value: String)] = [], _ children: [Node] = []) {
    self.name = name
    self.attributes = attributes
    self.children = children
  }

  subscript(_ attribute: String) -> String? { attributes.first { $0.name == attribute }?.value }

  /// The first child element of a name.
  func child(_ name: String) -> SVGElement? {
    for case .element(let element) in children where element.name == name { return element }
    return nil
  }

  var markup: String {
    var text = "<" + name
    for (name, value) in attributes { text += " \(name)=\"\(Markup.escaped(value))\"" }
    if children.isEmpty { return text + "/>" }
    text += ">"
    for child in children {
      switch child {
      case .element(let element): text += element.markup
      case .text(let string): text += Markup.escaped(string)
      }
    }
    return text + "</\(name)>"
  }

  static func == (a: SVGElement, b: SVGElement) -> Bool { a.markup == b.markup }
  func hash(into hasher: inout Hasher) { hasher.combine(markup) }
}

extension SVGElement {
  /// Reads the root element. Declarations and comments are passed over; anything that is not well formed is an error.
  init(parsing text: String) throws(Failure) {
    var reader = SVGReader(bytes: Array(text.utf8))
    self = try reader.document()
  }
}

private struct SVGReader {
  let bytes: [UInt8]
  var position = 0

  mutating func document() throws(Failure) -> SVGElement {
    while position < bytes.count {
      if starts("<?") || starts("<!") {
        try skip(past: starts("<!--") ? "-->" : ">")
      } else if starts("<") {
        return try element(depth: 0)
      } else {
        position += 1
      }
    }
    throw malformed("has no element")
  }

  private mutating func element(depth: Int) throws(Failure) -> SVGElement {
    guard depth < 64 else { throw malformed("is nested too deeply") }
    position += 1
    var element = SVGElement(try name())
    while true {
      skipSpace()
      if starts("/>") {
        position += 2
        return element
      }
      if starts(">") {
        position += 1
        break
      }
      let attribute = try name()
      skipSpace()
      guard starts("=") else { throw malformed("has an attribute without a value") }
      position += 1
      skipSpace()
      guard let quote = peek, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
        throw malformed("has an unquoted attribute")
      }
      position += 1
      element.attributes.append((attribute, try text { $0 == quote }))
      position += 1
    }
    while true {
      if starts("</") {
        position += 2
        guard try name() == element.name else { throw malformed("closes '\(element.name)' by another name") }
        skipSpace()
        guard starts(">") else { throw malformed("has an end tag that does not end") }
        position += 1
        return element
      } else if starts("<!--") {
        try skip(past: "-->")
      } else if starts("<") {
        element.children.append(.element(try self.element(depth: depth + 1)))
      } else {
        element.children.append(.text(try text { $0 == UInt8(ascii: "<") }))
      }
    }
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func starts(_ prefix: StaticString) -> Bool {
    let count = prefix.utf8CodeUnitCount
    guard position + count <= bytes.count else { return false }
    return (0..<count).allSatisfy { bytes[position + $0] == prefix.utf8Start[$0] }
  }

  private mutating func skip(past end: StaticString) throws(Failure) {
    while position < bytes.count {
      if starts(end) {
        position += end.utf8CodeUnitCount
        return
      }
      position += 1
    }
    throw malformed("ends in a declaration")
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
  }

  private mutating func name() throws(Failure) -> String {
    let start = position
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        position += 1
      default:
        guard position > start else { throw malformed("has a tag without a name") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
      }
    }
    throw malformed("ends in a tag")
  }

  private mutating func text(until isEnd: (UInt8) -> Bool) throws(Failure) -> String {
    let start = position
    while let byte = peek {
      if isEnd(byte) { return Markup.unescaped(String(decoding: bytes[start..<position], as: UTF8.self)) }
      position += 1
    }
    throw malformed("ends before its elements do")
  }

  private func malformed(_ what: String) -> Failure {
    let line = bytes.prefix(position).reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
    return Failure(.malformed, "line \(line) of the SVG \(what)")
  }
}
