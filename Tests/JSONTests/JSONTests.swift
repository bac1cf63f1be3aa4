import JSON
import Testing

@Suite struct JSONTests {
  @Test func `Canonical bytes sort members by their UTF-8 bytes and use no white space`() throws {
    let value = try JSON(parsing: #" { "b" : [ 1 , 2.50, true ], "a": {"é": null, "z": "\u00e9\n"} } "#)
    #expect(value.canonical == #"{"a":{"z":"é\n","é":null},"b":[1,2.5,true]}"#)
  }

  @Test func `A whole double and an integer have one canonical form`() throws {
    #expect(try JSON(parsing: "1.0").canonical == JSON(parsing: "1").canonical)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, .signalingNaN])
  func `A number that is not finite is written as null, wherever it stands`(number: Double) throws {
    let value: JSON = ["a": .array([.number(number), 1]), "b": .number(number)]
    #expect(value.canonical == #"{"a":[null,1],"b":null}"#)
    #expect(try JSON(parsing: value.pretty) == ["a": [nil, 1], "b": nil])
  }

  @Test func `What is written reads back the same`() throws {
    let value: JSON = ["x": [0.1, 1e-300, -7, 9_223_372_036_854_775_807], "y": "\"\\\u{1}𝄞"]
    #expect(try JSON(parsing: value.canonicalBytes) == value)
    #expect(try JSON(parsing: value.pretty) == value)
  }

  @Test(arguments: [
    ("", 1, 1), ("[1,", 1, 4), ("{\"a\":1,\n \"a\":2}", 2, 2), ("[01]", 1, 4), ("[1] x", 1, 5),
    ("\"\\ud800\"", 1, 8), ("[NaN]", 1, 2), ("1e999", 1, 1), ("\"\u{1}\"", 1, 2), ("nul", 1, 1),
  ])
  func `A malformed text is refused where it goes wrong`(text: String, line: Int, column: Int) {
    let error = #expect(throws: JSONError.self) { try JSON(parsing: text) }
    #expect(error?.line == line)
    #expect(error?.column == column)
  }

  @Test func `Deep nesting is an error, not a crash`() {
    #expect(throws: JSONError.self) {
      try JSON(parsing: String(repeating: "[", count: 100_000))
    }
  }

  @Test func `Python's non-finite numbers are read only where they are asked for`() throws {
    let value = try JSON(parsing: "[NaN, -Infinity]", options: .python)
    #expect(value.array?[0].double?.isNaN == true)
    #expect(value.array?[1].double == -.infinity)
  }

  @Test func `Mutated text never crashes the parser`() {
    let text = Array(#"{"a":[1,-2.5e3,"x\u00e9\n"],"b":{"c":null,"d":true}}"#.utf8)
    for position in text.indices {
      for byte in [0, 0x22, 0x5C, 0x7B, 0x7D, 0x2C, 0x80, 0xFF] as [UInt8] {
        var mutated = text
        mutated[position] = byte
        _ = try? JSON(parsing: mutated)
        _ = try? JSON(parsing: mutated.prefix(position))
      }
    }
  }

  private func pass(over text: String, depth: Int = 128) throws {
    var options = JSON.Options.python
    options.depth = depth
    var parser = try JSONParser(passingOver: Array(text.utf8), options: options)
    try parser.skip()
    try parser.finish()
  }

  @Test(arguments: [
    // Swift takes these two names for one.
    "{\"\u{E0}\":1,\"a\u{300}\":2}", "[NaN,-Infinity,1e999,-0.5e-3]", " [ [ ] , { } ] ",
    #""\ud834\udd1e\"\n""#, "true", "null",
  ])
  func `Names that stand twice and numbers out of range are passed over`(text: String) throws {
    try pass(over: text)
  }

  @Test(arguments: [
    "", "[1,", "[01]", "[1] x", #""\ud800""#, "\"\u{1}\"", "nul", "[1 2]", "{1:2}", #"{"a" 1}"#, "\"a", "-",
    "[,]", "Infinit", #""\x""#, "1.", "2e",
  ])
  func `What is no JSON is refused as it is passed over, where it goes wrong`(text: String) {
    let error = #expect(throws: JSONError.self) { try pass(over: text) }
    let built = #expect(throws: JSONError.self) { try JSON(parsing: text, options: .python) }
    #expect(error == built)
  }

  @Test func `Deep nesting and what is no UTF-8 are refused as they are passed over`() {
    #expect(throws: JSONError.self) { try pass(over: "[[[]]]", depth: 1) }
    #expect(throws: JSONError.self) { try pass(over: String(repeating: "[", count: 100_000)) }
    let broken = #expect(throws: JSONError.self) {
      try JSONParser(passingOver: Array("[\n\"".utf8) + [0xFF, 0x22, 0x5D])
    }
    #expect(broken?.line == 2 && broken?.column == 2)
  }

  @Test func `What is asked for is read, and the rest passed over`() throws {
    let text = #"{"a":[1,"2",3.0,99999999999999999999,-4],"b":{"c":"d","e":7},"f":[]}"#
    var parser = try JSONParser(passingOver: Array(text.utf8))
    var numbers: [Int?] = []
    var texts: [String?] = []
    var kinds: [Bool] = []
    let isObject = try parser.members { parser, name throws(JSONError) in
      if name == "a" {
        kinds.append(try parser.elements { parser throws(JSONError) in numbers.append(try parser.integer()) })
      } else if name == "b" {
        kinds.append(try parser.members { parser, _ throws(JSONError) in texts.append(try parser.text()) })
      } else {
        kinds.append(try parser.members { parser, _ throws(JSONError) in try parser.skip() })
      }
    }
    try parser.finish()
    #expect(
      isObject && numbers == [1, nil, nil, nil, -4] && texts == ["d", nil] && kinds == [true, true, false])
  }
}
