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
}
