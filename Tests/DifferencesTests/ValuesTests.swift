import Differences
import JSON
import Support
import Testing

@Suite struct ValuesTests {
  @Test func `Numbers are compared by path, with distances`() throws {
    let difference = try #require(
      try Sides().compare(
        #"{"fit": {"alpha": 0.5, "n": [1, 2, 3]}, "gone": true, "same": "text", "a b": 0}"#,
        #"{"fit": {"alpha": 0.55, "n": [1, 2, 4, 8]}, "same": "text", "a b": 1}"#))
    #expect(
      difference.details(most: 10) == [
        #"~ ["a b"]: 0, now 1, by 1"#, "~ fit.alpha: 0.5, now 0.55, by 0.05 (10 %)",
        "~ fit.n[2]: 3, now 4, by 1 (33.3 %)", "+ fit.n[3]: 8", "- gone: true",
      ])
    #expect(
      difference.headline
        == "5 of 8 values differ, 1 from zero, or from or to what is no finite number, others at most by 33.3 %, at fit.n[2]"
    )
    #expect(difference.details(most: 2).last == "and 3 more")
  }

  @Test func `The same values written otherwise are said to be the same values`() throws {
    let difference = try #require(try Sides().compare("{\"a\": 1.0, \"b\": NaN}", "{\"b\":NaN,\"a\":1}\n"))
    #expect(difference.headline == "the same values, written otherwise")
  }

  @Test func `What has no relative distance is not passed over`() throws {
    let difference = ValuesDifference(
      ["a": 1000.0, "b": 0, "c": 2], ["a": 1001.0, "b": 5000, "c": .number(.nan)])
    #expect(
      difference.headline
        == "3 of 3 values differ, 2 from zero, or from or to what is no finite number, others at most by 0.1 %, at a"
    )
  }

  @Test func `Large whole numbers are compared exactly`() throws {
    let difference = try #require(try Sides().compare("[9007199254740992]", "[9007199254740993]"))
    #expect(
      difference.details(most: 1).first?.hasPrefix("~ [0]: 9007199254740992, now 9007199254740993") == true)
  }

  @Test func `Whole numbers that nothing holds are compared by their digits`() throws {
    let difference = try #require(
      try Sides().compare(
        #"{"seed": 18446744073709551615, "n": 9007199254740993, "same": 36893488147419103232}"#,
        #"{"seed": 18446744073709551614, "n": 9007199254740992.0, "same": 36893488147419103232.0}"#)
    )
    #expect(
      difference.details(most: 9) == [
        "~ n: 9007199254740993, now 9007199254740992.0, by 1 (1.11e-14 %)",
        #"~ seed: "18446744073709551615", now "18446744073709551614""#,
      ])
  }

  @Test func `JSON in lines is a list`() throws {
    let difference = try #require(
      try Sides().compare("{\"step\": 1}\n{\"step\": 2}\n", "{\"step\": 1}\n{\"step\": 3}\n"))
    #expect(difference.details(most: 9) == ["~ [1].step: 2, now 3, by 1 (50 %)"])
  }

  @Test func `Very many differences are counted, and told up to a bound`() throws {
    let before = JSON.array((0..<20_000).map { .integer($0) })
    let now = JSON.array((0..<20_000).map { .integer($0 + 1) })
    let difference = ValuesDifference(before, now)
    #expect(difference.count == 20_000)
    #expect(difference.changes.count == 10_000)
    #expect(difference.details(most: 3).last == "and 19997 more")
  }
}
