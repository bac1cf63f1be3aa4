import Foundation
import JSON
import Safetensors
import Support
import Testing

/// `brake diff`.
@Suite struct DiffTests {
  let pipeline = WordPipeline()
  var folder: TemporaryFolder { pipeline.folder }

  @Test func `Artefacts are compared by whatever they are called`() throws {
    #expect(try folder.brake("count").status == 0)
    let digest = try JSON(parsing: try folder.brake("run", "shout", "--json").out)["outputs"]?["shout"]?[
      "loud"]
    _ = try folder.brake("ref", "first", "shout")
    folder.write("hallo\n", to: "words.txt")
    #expect(try folder.brake("count").status == 0)

    let changed = try folder.brake("diff", "@first", "shout")
    #expect(changed.status == 1)
    #expect(changed.out == "1 line removed, 1 line added\n  line 1, now line 1:\n  - HELLO\n  + HALLO\n")
    #expect(try folder.brake("diff", "@first", try #require(digest?.string)).out == "identical\n")
    #expect(
      try folder.brake("diff", "@first", String(try #require(digest?.string).dropFirst(7).prefix(12))).status
        == 0)
    #expect(try folder.brake("diff", "shout.loud", "./words.txt").status == 1)
    #expect(try folder.brake("diff", "results/number.txt", "count.number").status == 0)
    // The file, as it is now.
    folder.write("7\n", to: "results/number.txt")
    let published = try folder.brake("diff", "results/number.txt", "count", "--json")
    #expect(published.status == 1)
    #expect(try JSON(parsing: published.out)["kind"] == "text")
  }

  @Test func `Two variants of a stage with many outputs are compared like folders`() throws {
    folder.write(
      """
      stages:
        make:
          for: { n: [1, 2] }
          run: "mkdir d; echo ${n} > d/a.txt; echo same > d/b.txt; echo '{\\"x\\": ${n}}' > ${out.other}"
          out: { files: d/, other: o.json }
      """, to: "brake.yaml")
    #expect(try folder.brake().status == 0)
    let found = try folder.brake("diff", "make[1]", "make[2]")
    #expect(found.status == 1)
    #expect(found.outLines.first == "2 changed, 1 the same")
    #expect(found.outLines.contains("  ~ files[a]: 1 line removed, 1 line added"))
    #expect(found.outLines.contains("      ~ x: 1, now 2, by 1 (100 %)"))
    #expect(
      try folder.brake("diff", "make[1].files", "make[2].files").outLines.first == "1 changed, 1 the same")
  }

  @Test func `What cannot be compared is an error that says why`() throws {
    #expect(try folder.brake("diff", "words.txt").status == 2)
    let unknown = try folder.brake("diff", "words.txt", "./no-such-file")
    #expect(unknown.status == 2)
    #expect(unknown.err.contains("there is nothing at './no-such-file'"))
    #expect(try folder.brake("count").status == 0)
    folder.write("a file with the name of a stage", to: "count")
    let ambiguous = try folder.brake("diff", "count", "words.txt")
    #expect(ambiguous.status == 2)
    #expect(ambiguous.err.contains("write ./count for the path"))
    #expect(try folder.brake("diff", "./count", "words.txt").status == 1)
  }

  @Test func `Outside of a workspace it is the missing file that is missed`() throws {
    let elsewhere = TemporaryFolder()
    elsewhere.write("x\n", to: "a.csv")
    let found = try elsewhere.brake("diff", "a.csv", "nosuch.csv")
    #expect(found.status == 2)
    #expect(found.err.contains("there is no file or folder 'nosuch.csv'"))
  }

  @Test func `No control character of a file gets to a terminal`() throws {
    folder.write("one \u{1B}[2J\n", to: "a.txt")
    folder.write("two\n", to: "b.txt")
    let found = try folder.brake("diff", "a.txt", "b.txt")
    #expect(!found.out.contains("\u{1B}"))
    #expect(found.out.contains("- one \\e[2J"))
  }

  @Test func `A large checkpoint is never in memory as a whole`() throws {
    // 300 MB, most of them a hole.
    let count = 75_000_000
    let writer = try SafetensorsWriter([("w", .float32, [count])])
    for (name, last) in [("a", UInt8(0)), ("b", UInt8(0x3F))] {
      folder.write(writer.headerBytes, to: name)
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder[name]))
      try file.truncate(atOffset: UInt64(writer.headerBytes.count + count * 4))
      try file.seek(toOffset: UInt64(writer.headerBytes.count + count * 4 - 1))
      try file.write(contentsOf: Data([last]))
      try file.close()
    }
    let found = try folder.shell("ulimit -v 250000 -d 100000; $BRAKE diff a b")
    #expect(found.status == 1)
    #expect(found.out.contains("w: 1 of 75000000 elements differ, max abs 0.5"), "\(found)")
  }
}
