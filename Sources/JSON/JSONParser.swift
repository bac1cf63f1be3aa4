/// Why a text is not JSON, and where.
public struct JSONError: Error, Hashable, CustomStringConvertible {
  /// Counted from 1; columns count bytes.
  public let line: Int
  public let column: Int
  public let message: String

  public var description: String { "line \(line), column \(column): \(message)" }
}

extension JSON {
  public struct Options: Sendable {
    /// Lists and objects may be nested this deep.
    public var depth = 128
    /// Accept `NaN`, `Infinity` and `-Infinity`, which Python writes.
    public var nonFinite = false
    /// Give whole numbers that neither 64 bits nor a double hold exactly as texts of their digits.
    public var longWholeAsText = false

    public init() {}
    /// As Python's `json` module writes it.
    public static var python: Options {
      var options = Options()
      options.nonFinite = true
      return options
    }
  }

  /// Reads one JSON value and refuses anything after it, repeated member names, invalid UTF-8 and numbers out of range.
  public init(parsing bytes: some Sequence<UInt8>, options: Options = Options()) throws(JSONError) {
    self = try JSON.parse(Array(bytes), options: options)
  }

  public init(parsing text: String, options: Options = Options()) throws(JSONError) {
    self = try JSON.parse(Array(text.utf8), options: options)
  }

  private static func parse(_ bytes: [UInt8], options: Options) throws(JSONError) -> JSON {
    var parser = JSONParser(bytes: bytes, options: options)
    let value = try parser.value()
    try parser.finish()
    return value
  }
}

/// Goes through a text of JSON from its start.
public struct JSONParser {
  let bytes: [UInt8]
  let options: JSON.Options
  var position = 0
  /// Lists and objects around the place where it is.
  private var depth = 0

  init(bytes: [UInt8], options: JSON.Options) {
    self.bytes = bytes
    self.options = options
  }

  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  func error(_ message: String) -> JSONError {
    let read = bytes[..<min(position, bytes.count)]
    let line = read.reduce(1) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
    let start = (read.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
    return JSONError(line: line, column: read.endIndex - start + 1, message: message)
  }

  /// Nothing may stand behind the value that was read.
  public mutating func finish() throws(JSONError) {
    skipSpace()
    if position < bytes.count { throw error("text after the end of the value") }
  }

  mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  mutating func value() throws(JSONError) -> JSON {
    switch try start() {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case let first:
      if let word = word() { return word }
      guard JSONParser.startsNumber(first) else { throw error("no JSON value starts like this") }
      return try number()
    }
  }

  /// The byte with which a value starts.
  mutating func start() throws(JSONError) -> UInt8 {
    if depth > options.depth { throw error("nested deeper than \(options.depth) levels") }
    skipSpace()
    guard let next else { throw error("the text ends where a value should stand") }
    return next
  }

  static func startsNumber(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "-") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
  }

  /// A value that is written as a word; nil if none stands here.
  mutating func word() -> JSON? {
    switch next {
    case UInt8(ascii: "t") where take("true"): .bool(true)
    case UInt8(ascii: "f") where take("false"): .bool(false)
    case UInt8(ascii: "n") where take("null"): .null
    case UInt8(ascii: "N") where options.nonFinite && take("NaN"): .number(.nan)
    case UInt8(ascii: "I") where options.nonFinite && take("Infinity"): .number(.infinity)
    case UInt8(ascii: "-") where options.nonFinite && take("-Infinity"): .number(-.infinity)
    default: nil
    }
  }

  private mutating func take(_ word: StaticString) -> Bool {
    let end = position + word.utf8CodeUnitCount
    guard end <= bytes.count else { return false }
    for index in 0..<word.utf8CodeUnitCount where bytes[position + index] != word.utf8Start[index] {
      return false
    }
    position = end
    return true
  }

  private mutating func object() throws(JSONError) -> JSON {
    var members: [String: JSON] = [:]
    try items(until: UInt8(ascii: "}"), of: "an object") { parser throws(JSONError) in
      let start = try parser.startOfName()
      let name = try parser.string()
      try parser.takeColon()
      if members.updateValue(try parser.value(), forKey: name) != nil {
        parser.position = start
        throw parser.error("the member \"\(name)\" stands twice in one object")
      }
    }
    return .object(members)
  }

  private mutating func array() throws(JSONError) -> JSON {
    var elements: [JSON] = []
    try items(until: UInt8(ascii: "]"), of: "a list") { parser throws(JSONError) in
      elements.append(try parser.value())
    }
    return .array(elements)
  }

  /// Goes through what stands between brackets or braces, separated by commas.
  mutating func items(
    until end: UInt8, of kind: StaticString, _ item: (inout JSONParser) throws(JSONError) -> Void
  ) throws(JSONError) {
    depth += 1
    defer { depth -= 1 }
    position += 1
    skipSpace()
    if next == end {
      position += 1
      return
    }
    while true {
      try item(&self)
      skipSpace()
      switch next {
      case UInt8(ascii: ","): position += 1
      case end:
        position += 1
        return
      default: throw error("a comma or the end of \(kind) is missing")
      }
    }
  }

  /// - Returns: where the name of a member starts, which is to be read next.
  mutating func startOfName() throws(JSONError) -> Int {
    skipSpace()
    guard next == UInt8(ascii: "\"") else { throw error("a member name in quotes is missing") }
    return position
  }

  mutating func takeColon() throws(JSONError) {
    skipSpace()
    guard next == UInt8(ascii: ":") else { throw error("a colon is missing") }
    position += 1
  }

  private mutating func number() throws(JSONError) -> JSON {
    let start = position
    let whole = try takeNumber()
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if whole, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      position = start
      throw error("the number \(text) is out of range")
    }
    // Above 128 bits it is not asked whether the double is exact.
    if whole, options.longWholeAsText, Int128(exactly: value) != Int128(text) || Int128(text) == nil {
      return .string(text)
    }
    return .number(value)
  }

  /// - Returns: whether the number is written without a point and an exponent.
  mutating func takeNumber() throws(JSONError) -> Bool {
    var whole = true
    if next == UInt8(ascii: "-") { position += 1 }
    let leading = next
    let digits = takeDigits()
    if digits == 0 { throw error("a digit is missing") }
    if leading == UInt8(ascii: "0") && digits > 1 { throw error("a number starts with a zero") }
    if next == UInt8(ascii: ".") {
      whole = false
      position += 1
      if takeDigits() == 0 { throw error("a digit is missing after the decimal point") }
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      whole = false
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      if takeDigits() == 0 { throw error("a digit is missing in the exponent") }
    }
    return whole
  }

  private mutating func takeDigits() -> Int {
    let start = position
    while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    return position - start
  }

  mutating func string() throws(JSONError) -> String {
    position += 1
    let start = position
    var isASCII = true
    while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      isASCII = isASCII && byte < 0x80
      position += 1
    }
    if isASCII && next == UInt8(ascii: "\"") {
      position += 1
      // Most strings are like this, and need neither a copy nor a check.
      return bytes.withUnsafeBufferPointer {
        String(decoding: UnsafeBufferPointer(rebasing: $0[start..<position - 1]), as: UTF8.self)
      }
    }
    var text = Array(bytes[start..<position])
    while true {
      guard let byte = next else { throw error("a string has no end") }
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw error("a string is not valid UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): text += try escape()
      case 0..<0x20:
        position -= 1
        throw error("a control character stands in a string")
      default: text.append(byte)
      }
    }
  }

  mutating func escape() throws(JSONError) -> [UInt8] {
    guard let byte = next else { throw error("a string has no end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code) {
        guard take("\\u") else { throw error("half of a surrogate pair is missing") }
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else { throw error("a surrogate pair is broken") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("a surrogate stands alone") }
      return Array(String(Character(scalar)).utf8)
    default: throw error("an unknown escape stands in a string")
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    guard position + 4 <= bytes.count,
      bytes[position..<position + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    else { throw error("four hexadecimal digits are missing") }
    position += 4
    return code
  }
}
