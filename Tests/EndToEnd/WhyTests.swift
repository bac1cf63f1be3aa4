import Foundation
import Support
import Testing

@testable import brake

@Suite struct WhyTests {
  let folder = TemporaryFolder()

  @Test func `A long command shows the lines that differ`() throws {
    func pipeline(_ rate: String) {
      let lines = (1...40).map { "          echo line \($0) of a long command" }
      let command = lines[..<20] + ["          echo train --rate \(rate) --steps 100"] + lines[20...]
      folder.write(
        "stages:\n  train:\n    out: { o: o.txt }\n    run: |\n" + command.joined(separator: "\n")
          + "\n          echo done > ${out.o}\n", to: "brake.yaml")
    }
    pipeline("0.1")
    #expect(try folder.brake().status == 0)
    pipeline("0.25")
    let why = try folder.brake("why")
    #expect(
      why.out.contains("    - echo train --rate 0.1 --steps 100\n    + echo train --rate 0.25 --steps 100\n"))
    #expect(why.out.contains("      echo line 20 of a long command\n"))
    #expect(!why.out.contains("line 18"))
    #expect(why.outLines.count < 12)
    let dry = try folder.brake("-n")
    #expect(dry.out.contains("[-0.1-]{+0.25+}"))
  }

  @Test func `A long line shows the words that differ, with a few around them`() {
    let words = (1...60).map { "word\($0)" }
    var other = words
    other[30] = "changed"
    other.remove(at: 50)
    let text = TextDifference(words.joined(separator: " "), other.joined(separator: " ")).words()
    let shown =
      "…word27 word28 word29 word30 [-word31-]{+changed+} word32 word33 word34 word35…"
      + " word47 word48 word49 word50[- word51-] word52 word53 word54 word55…"
    #expect(text == shown)
  }

  @Test func `Of a collection of which much differs, some members are named and the others counted`() throws {
    folder.write(
      """
      params: { to: 40, word: a }
      stages:
        part: { for: { n: "1..${to}" }, run: "echo ${word} ${n} > ${out.o}", out: { o: o.txt } }
        all: { run: "cat ${in.parts} > ${out.o}", in: { parts: part }, out: { o: all.txt } }
      """, to: "brake.yaml")
    #expect(try folder.brake().status == 0)
    #expect(try folder.brake("run", "part", "word=b").status == 0)
    let why = try folder.brake("why", "all", "word=b")
    #expect(why.out.contains("and 28 more members"))
    #expect(why.outLines.count == 15)
    let dry = try folder.brake("-n", "word=b")
    #expect(dry.out.contains("and 28 more members"))
    // One more member is one difference.
    #expect(try folder.brake("run", "part", "to=41").status == 0)
    #expect(try folder.brake("why", "all", "to=41").outLines.count == 3)
  }

  @Test func `Escapes in a command are shown, not sent`() throws {
    folder.write(
      "stages: { a: { run: \"echo 'one\\e[31m' > ${out.o}; true; true; true; true; true; true\", out: { o: o } } }",
      to: "brake.yaml")
    _ = try folder.brake()
    folder.write(
      "stages: { a: { run: \"echo 'two\\e[31m' > ${out.o}; true; true; true; true; true; true\", out: { o: o } } }",
      to: "brake.yaml")
    let why = try folder.brake("why")
    #expect(why.out.contains("[-one-]{+two+}"))
    #expect(!why.out.contains("\u{1B}"))
  }
}
