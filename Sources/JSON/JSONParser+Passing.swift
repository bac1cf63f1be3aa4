/// What may come from a stranger and be of any size is gone through without building more than is asked for. It is checked all the same, but
/// for members of an object that have one name, which are not looked for, and numbers that are out of range.
extension JSONParser {
  /// - Throws: if the text is not valid UTF-8.
  public init(passingOver bytes: [UInt8], options: JSON.Options = JSON.Options()) throws(JSONError) {
    self.init(bytes: bytes, options: options)
    do throws(UTF8.ValidationError) { _ = try UTF8Span(validating: bytes.span) } catch {
      position = error.byteOffsets.lowerBound
      throw self.error("the text is not valid UTF-8")
    }
  }

  /// Goes through the members of an object, or passes over another value.
  /// - Parameter member: gets the name of each, and reads its value or passes over it.
  /// - Returns: whether it is an object.
  public mutating func members(
    _ member: (inout JSONParser, String) throws(JSONError) -> Void
  ) throws(JSONError) -> Bool {
    guard try stands(UInt8(ascii: "{")) else { return false }
    try items(until: UInt8(ascii: "}"), of: "an object") { parser throws(JSONError) in
      _ = try parser.startOfName()
      let name = try parser.string()
      try parser.takeColon()
      try member(&parser, name)
    }
    return true
  }

  /// Goes through the elements of a list, or passes over another value.
  /// - Parameter element: reads each, or passes over it.
  /// - Returns: whether it is a list.
  public mutating func elements(
    _ element: (inout JSONParser) throws(JSONError) -> Void
  ) throws(JSONError) -> Bool {
    guard try stands(UInt8(ascii: "[")) else { return false }
    try items(until: UInt8(ascii: "]"), of: "a list", element)
    return true
  }

  /// Reads a text, or passes over another value.
  /// - Returns: nil for another value.
  public mutating func text() throws(JSONError) -> String? {
    try stands(UInt8(ascii: "\"")) ? try string() : nil
  }

  /// Reads a whole number, or passes over another value.
  /// - Returns: nil for another value, also for a number that is written with a point or does not fit.
  public mutating func integer() throws(JSONError) -> Int? {
    _ = try start()
    let start = position
    try skip()
    // With its sign, none that fits is longer.
    guard position - start <= 20 else { return nil }
    return Int(String(decoding: bytes[start..<position], as: UTF8.self))
  }

  /// Whether a value starts with this byte. Another one is passed over.
  private mutating func stands(_ byte: UInt8) throws(JSONError) -> Bool {
    if try start() == byte { return true }
    try skip()
    return false
  }

  /// Passes over a value.
  public mutating func skip() throws(JSONError) {
    switch try start() {
    case UInt8(ascii: "{"):
      try items(until: UInt8(ascii: "}"), of: "an object") { parser throws(JSONError) in
        _ = try parser.startOfName()
        try parser.skipString()
        try parser.takeColon()
        try parser.skip()
      }
    case UInt8(ascii: "["):
      try items(until: UInt8(ascii: "]"), of: "a list") { parser throws(JSONError) in try parser.skip() }
    case UInt8(ascii: "\""): try skipString()
    case let first:
      if word() != nil { return }
      guard JSONParser.startsNumber(first) else { throw error("no JSON value starts like this") }
      _ = try takeNumber()
    }
  }

  private mutating func skipString() throws(JSONError) {
    position += 1
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return
      case UInt8(ascii: "\\"):
        position += 1
        _ = try escape()
      case 0..<0x20: throw error("a control character stands in a string")
      default: position += 1
      }
    }
    throw error("a string has no end")
  }
}
