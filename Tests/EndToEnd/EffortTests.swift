import Foundation
import JSON
import Support
import Testing

/// What actions took, as users see it.
@Suite struct EffortTests {
  private let folder = TemporaryFolder()

  @Test func `What a command took is shown with its record, and expected of the next one`() throws {
    folder.write(
      """
      params: { n: 1 }
      stages:
        s:
          run: |
            python3 -c "import time; x = b'x' * (200 << 20); time.sleep(2)"; echo ${n} > ${out.o}
          out: { o: o.txt }
      """, to: "brake.yaml")
    // Nothing of its kind has run before.
    let first = try folder.brake("-n")
    #expect(!first.err.contains("most similar actions"))
    #expect(try JSON(parsing: folder.brake("-n", "--json").out).array?.first?["expected"] == .null)
    _ = try folder.brake("run")

    let made = try #require(try JSON(parsing: folder.brake("log", "s", "--json").out).array?.first?["made"])
    let peak = try #require(made["peak_memory"]?.integer)
    #expect(peak > 200 << 20 && peak < 1 << 30)
    #expect(try #require(made["cpu_seconds"]?.double) > 0)
    #expect(try folder.brake("provenance", "s").out.contains(" of processors, "))
    #expect(try folder.brake("show", "s").out.contains(" of memory) on "))
    let shown = try JSON(parsing: folder.brake("show", "--json", "s").out)
    #expect(shown["records"]?.array?.first?["made"] == made)

    let next = try folder.brake("-n", "n=2")
    #expect(
      next.err.contains("about ") && next.err.contains(" of memory, by what the most similar actions took"))
    let expected = try JSON(parsing: folder.brake("-n", "--json", "n=2").out).array?.first?["expected"]
    #expect(expected?["peak_memory"] == made["peak_memory"] && expected?["seconds"] == made["seconds"])
    #expect(try folder.brake("why", "s", "n=2").out.contains("which took "))
  }

  @Test func `What an operation took that ran alone is noted, too`() throws {
    folder.write(String(repeating: "one two three four five\n", count: 100_000), to: "story.txt")
    folder.write(
      """
      stages:
        s: { op: text.tokenise, in: { text: story.txt }, with: { tokeniser: bytes } }
      """, to: "brake.yaml")
    let run = try folder.brake("run")
    try #require(run.status == 0, "\(run)")
    let made = try #require(try JSON(parsing: folder.brake("log", "s", "--json").out).array?.first?["made"])
    let (worked, passed) = (try #require(made["cpu_seconds"]?.double), try #require(made["seconds"]?.double))
    #expect(worked > 0 && worked <= passed * Double(ProcessInfo.processInfo.processorCount) + 1)
    #expect(try folder.brake("provenance", "s.train").out.contains(" of processors"))
  }
}
