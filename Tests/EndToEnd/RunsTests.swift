import Foundation
import JSON
import Support
import Testing

/// Runs of the past, as `brake runs` lists them.
@Suite struct RunsTests {
  let pipeline = WordPipeline()
  var folder: TemporaryFolder { pipeline.folder }

  private func runs(_ arguments: String...) throws -> [JSON] {
    try JSON(parsing: try BrakeProcess(["runs", "--json"] + arguments, in: folder).wait().out).array ?? []
  }

  @Test func `A variant is found again by its parameters`() throws {
    _ = try folder.brake()
    _ = try folder.brake("run", "shout", "prefix=it's loud")
    let all = try runs()
    #expect(all.map { $0["outcome"]?.string } == ["done", "done"])
    #expect(all.map { $0["ran"]?.integer } == [2, 1])
    #expect(all[0]["parameters"] == ["prefix": ""])
    #expect(all[1]["parameters"] == ["prefix": "it's loud"])
    #expect(all[1]["targets"] == ["shout"])
    #expect(all[1]["outputs"]?["shout"]?["loud"]?.string?.hasPrefix("sha256:") == true)
    #expect(try #require(all[1]["started"]?.string).wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)

    #expect(try runs("prefix=it's loud").count == 1)
    #expect(try runs("prefix=").count == 1, "left at its default")
    #expect(try runs("prefix=other").isEmpty)
    #expect(try runs("shout").count == 1)
    #expect(try runs("--last", "1").first?["targets"] == ["shout"])
    let text = try folder.brake("runs")
    #expect(text.outLines.last?.hasSuffix(#"brake run shout 'prefix=it'\''s loud'"#) == true)
    #expect(
      try folder.shell("$BRAKE runs | tail -1 | sed 's/.*brake run/$BRAKE run/' | sh").out.contains("1 hit"))
  }

  @Test func `Of one run it is told what it has made`() throws {
    #expect(try folder.brake().status == 0)
    let shown = try folder.brake("runs", "show", "last")
    let digest = try #require(
      JSON(parsing: try folder.brake("show", "count", "--json").out)["digest"]?.string)
    #expect(
      shown.outLines.contains { $0.hasPrefix("made") && $0.hasSuffix("count.number  \(digest)") }, "\(shown)")
  }

  @Test func `Failed and interrupted runs are listed too`() throws {
    folder.write(
      "stages:\n  bad: { run: \"exit 3\", out: { o: o.txt } }\n  long: { run: \"touch \(folder["on"]); sleep 60\", in: { i: quick }, out: { o: p.txt } }\n  quick: { run: \"echo > ${out.o}\", out: { o: q.txt } }\n",
      to: "brake.yaml")
    #expect(try folder.brake("run", "bad").status == 2)
    let process = try BrakeProcess(["run", "long"], in: folder)
    #expect(folder.appears("on"))
    process.send(SIGTERM)
    #expect(process.wait().status == 143)
    #expect(try runs().map { $0["outcome"]?.string } == ["failed", "interrupted"])
    #expect(try runs().last?["planned"] == 2)
    #expect(try runs().last?["ran"] == 1)
    #expect(try folder.brake("runs").out.contains("1 of 2 ran"))
  }

  @Test func `What was never started is no run`() throws {
    #expect(try folder.brake("run", "no-such-stage").status == 2)
    #expect(!folder.exists("cache/index/runs"))
    _ = try folder.brake()
    _ = try folder.brake("run", "no-such-stage")
    _ = try folder.brake("-n", "prefix=x")
    _ = try folder.brake("-q", "prefix=x")
    #expect(try runs().count == 1)
  }

  @Test func `The journal is never trusted, and bounded`() throws {
    _ = try folder.brake()
    folder.write("{\"started\": 3}", to: "cache/index/runs/20200101T000000.000-1.json")
    folder.write("not JSON", to: "cache/index/runs/20200101T000000.000-2.json")
    _ = try folder.shell(
      "ln -s /dev/zero cache/index/runs/20200101T000000.000-3.json; mkfifo cache/index/runs/20200101T000000.000-4.json"
    )
    folder.write("mine", to: "cache/index/runs/notes.txt")
    #expect(try runs().count == 1)
    for index in 0..<1000 {
      folder.write("{}", to: "cache/index/runs/20200102T000000.000-\(index).json")
    }
    _ = try folder.brake("-B")
    #expect(try runs().count == 2)
    let kept = try folder.shell("find cache/index/runs -type f -name '2*' | wc -l").out
    #expect(
      kept.trimmingCharacters(in: .whitespacesAndNewlines) == "1000")
    #expect(try folder.shell("find cache/index/runs -type l -o -type p").outLines.count == 2)
    #expect(folder.text("cache/index/runs/notes.txt") == "mine")
    _ = try folder.shell("rm -r cache/index")
    #expect(try runs().isEmpty)
  }
}
