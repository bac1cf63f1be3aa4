import Differences
import JSON
import Support
import Testing

@Suite struct TableTests {
  @Test func `Rows are matched by their first column, columns by their names`() throws {
    let difference = try #require(
      try Sides().compare(
        "step,loss,old\n1,3.5,x\n2,3.0,x\n3,2.0,x\n", "step,new,loss\n0,y,4\n1,y,3.50\n3,y,2.5\n"))
    #expect(
      difference.details(most: 10) == [
        "- column old", "+ column new", "- row 2", "+ row 0",
        "loss: 1 cell differs, max abs 0.5, max relative 0.25", "~ 3, loss: 2.0, now 2.5, by 0.5 (25 %)",
      ])
    #expect(
      difference.headline
        == "1 column removed, 1 column added, 1 row removed, 1 row added, 1 cell differs in 1 column")
  }

  @Test func `Rows without a name are matched by their places`() throws {
    let difference = try #require(
      try Sides().compare("a\tb\n1\t2\n1\t3\n", "a\tb\n1\t2\n1\t4\n1\t5\n"))
    #expect(
      difference.details(most: 10) == [
        "+ row #3", "b: 1 cell differs, max abs 1, max relative 0.333",
        "~ #2, b: 3, now 4, by 1 (33.3 %)",
      ])
  }

  @Test func `Quoted fields may hold what separates fields and rows`() throws {
    let difference = try #require(
      try Sides().compare(
        "name,value\n\"a, \"\"b\"\"\nc\",1\nd,2\n", "name,value\n\"a, \"\"b\"\"\nc\",1\nd,3\n"))
    #expect(difference is TableDifference)
    #expect(difference.details(most: 10).last == "~ d, value: 2, now 3, by 1 (50 %)")
  }

  @Test func `A table without heading has numbered columns`() throws {
    let difference = try #require(try Sides().compare("1,2\n3,4\n", "1,2\n3,5\n"))
    #expect(difference.details(most: 10).last == "~ 3, column 2: 4, now 5, by 1 (25 %)")
  }

  @Test func `What is no table on both sides is text`() throws {
    #expect(try Sides().compare("a,b\n1,2\n", "a,b\n1,2,3\n") is TextLinesDifference)
    #expect(try Sides().compare("a,b\n1,2\n", "a\tb\n1\t2\n") is TextLinesDifference)
    #expect(try Sides().compare("a,\"b\n1,2\n", "a,\"b\n1,3\n") is TextLinesDifference)
  }

  @Test func `The same table written otherwise is said to be the same`() throws {
    let difference = try #require(try Sides().compare("a,b\n1,2.0\n", "a,b\r\n1,\"2\"\r\n"))
    #expect(difference.headline == "the same table, written otherwise")
  }

  @Test func `Numbers are one only where all their digits are`() throws {
    let difference = try #require(
      try Sides().compare(
        "name,value\na,9007199254740993\nb,12e3\nc,18446744073709551615\nd,0.10\ne,1.50e+01\nf,-0\n",
        "name,value\na,9007199254740992\nb,12000\nc,18446744073709551614\nd,0.1\ne,15\nf,0.0\n"))
    #expect(difference.headline == "3 cells differ in 1 column")
    #expect(difference.details(most: 10)[1].hasSuffix("9007199254740992, by 1 (1.11e-14 %)"))
  }

  @Test func `Of many columns as many are told as of other lists`() throws {
    func table(_ name: String, _ value: Int) -> String {
      let names = (0..<50).map { "c\($0)" } + (0..<50).map { "\(name)\($0)" }
      let cells = (0..<100).map { _ in "\(value)" }
      return "id," + names.joined(separator: ",") + "\n1," + cells.joined(separator: ",") + "\n"
    }
    let difference = try #require(try Sides().compare(table("old", 1), table("new", 2)))
    let lines = difference.details(most: 2)
    #expect(lines.count == 12)
    #expect(lines.count { $0 == "and 48 more" } == 4)
  }

  @Test func `Spoiled tables are compared, whatever they are then`() {
    let good = Array("step,loss\n1,\"3.5\"\n2,3.0\n# x\n\n3,2.0\n".utf8)
    let sides = Sides()
    Mutator.run("diff of tables", on: [good], tries: 500) { mutant in try sides.compare(good, mutant) != nil }
  }
}
