import Artefacts
import Foundation
import JSON
import Support
import System
import Testing

@testable import Pipeline
@testable import Runs

private let pipeline = """
  params: { times: 2 }
  stages:
    r: { op: text.repeat, in: { text: source.txt }, with: { times: "${times}" } }
    end: { run: "cat ${in.r} > ${out.out}", in: { r: r }, out: { out: end.txt }, publish: results/ }
  default: [end]
  """

@Suite struct EngineExplanationTests {
  @Test func `Before the first run everything must run, and what depends on it waits`() async throws {
    let workspace = try Workspace(pipeline, files: ["source.txt": "x"])
    let status = try await workspace.engine().status(targets: [])
    #expect(status.map(\.instance) == ["r", "end"])
    #expect(status.map(\.state) == [.mustRun, .waiting])
    let why = try await workspace.engine().why(targets: ["end"])
    #expect(why.map(\.verdict) == ["must run: nothing of its kind has run before", "waits for r"])
  }

  @Test func `Afterwards everything is up to date, until an output leaves the workspace`() async throws {
    let workspace = try Workspace(pipeline, files: ["source.txt": "x"])
    try await workspace.run()
    #expect(try await workspace.engine().status(targets: []).map(\.state) == [.upToDate, .upToDate])
    try removeFile(workspace.folder["results/end.txt"])
    #expect(try await workspace.engine().status(targets: []).map(\.state) == [.upToDate, .unpublished])
  }

  @Test func `why names the parameter that differs, with both values`() async throws {
    let workspace = try Workspace(pipeline, files: ["source.txt": "x"])
    try await workspace.run()
    let why = try await workspace.engine([("times", "5")]).why(targets: ["r"])
    #expect(why.map(\.differences) == [[.init(what: "parameter times", before: "2", now: "5")]])
  }

  @Test func `why names the source that differs, with both digests`() async throws {
    let workspace = try Workspace(pipeline, files: ["source.txt": "x"])
    try await workspace.run()
    workspace.folder.write("y", to: "source.txt")
    let why = try await workspace.engine().why(targets: ["r"])
    let digests = ["x", "y"].map { Digest(of: Array($0.utf8)).description }
    #expect(
      why.map(\.differences) == [
        [.init(what: "input text (source.txt)", before: digests[0], now: digests[1])]
      ])
  }

  @Test func `What a stage only copies hides nothing of what is made from the copy`() async throws {
    let workspace = try Workspace(
      """
      stages:
        copy: { run: "cp ${in.text} ${out.out}", in: { text: ./source.txt }, out: { out: copy.txt } }
        count: { run: "wc -c < ${in.text} > ${out.out}", in: { text: copy.out }, out: { out: count.txt } }
        again: { run: "cp ${in.text} ${out.out}", in: { text: count.out }, out: { out: again.txt } }
      """, files: ["source.txt": "x\n"])
    let summary = try await workspace.run()
    let digest = try #require(Digest(summary.outputs["again"]?["out"]?.string ?? ""))
    let lineage = try Lineage(of: digest, in: workspace.store)
    #expect(lineage.makers[digest]?.record.stage == "count" && lineage.makers.count == 1)
    #expect(lineage.makers[digest]?.inputs.map(\.digest) == [Digest(of: Array("x\n".utf8))])
  }

  @Test func `Provenance leads back to the source and its name`() async throws {
    let workspace = try Workspace(pipeline, files: ["source.txt": "x"])
    let summary = try await workspace.run()
    let digest = try #require(Digest(summary.outputs["end"]?["out"]?.string ?? ""))
    let provenance = try Lineage(of: digest, in: workspace.store)
    // Both stages make the same bytes from different inputs; the lineage of either ends at the source.
    let source = Digest(of: Array("x".utf8))
    let inputs = provenance.makers.values.flatMap(\.inputs)
    #expect(inputs.contains { $0.digest == source && $0.source == "source.txt" })
    #expect(provenance.makers[source] == nil)
    #expect(try workspace.store.bytes(of: source) == Array("x".utf8))
  }

  @Test func `Provenance names one version of a source, also where another made some of the same bytes`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        split: { op: text.split, in: { text: source.txt } }
        all: { run: "cat ${in.parts} > ${out.out}", in: { parts: split }, out: { out: all.txt } }
      default: [all]
      """, files: ["source.txt": "a 1\nb 2\nc 3\n"])
    var summaries: [RunSummary] = []
    for text in ["a 1\nb 2\nc 3\n", "a 1\nb 2\nc 4\n"] {
      workspace.folder.write(text, to: "source.txt")
      summaries.append(try await workspace.run())
    }
    for (summary, text) in zip(summaries, ["a 1\nb 2\nc 3\n", "a 1\nb 2\nc 4\n"]) {
      let digest = try #require(Digest(summary.outputs["all"]?["out"]?.string ?? ""))
      let makers = try Lineage(of: digest, in: workspace.store).makers.values
      let sources = Set(makers.flatMap(\.inputs).filter { $0.source != nil }.map(\.digest))
      #expect(sources == [Digest(of: Array(text.utf8))])
    }
  }

  private func removeFile(_ path: String) throws { try LocalFileSystem().remove(path) }

  @Test func `What is recorded is looked at once, however many stages it explains`() async throws {
    let workspace = try Workspace(
      """
      params: { word: a }
      stages:
        s: { for: { i: 1..60 }, run: "echo ${i} ${word} > ${out.o}", out: { o: o.txt }, sandbox: false }
      """)
    try await workspace.run()
    let calls = 3000
    let files = CrashingFileSystem(failingAt: calls, .error(EIO))
    let why = try await workspace.engine([("word", "b")], on: files).why(targets: [])
    #expect(why.count == 60)
    #expect(Set(why.map { $0.relative?.stage ?? "" }) == Set((1...60).map { "s[\($0)]" }))
    #expect(why.allSatisfy { $0.differences.map(\.what) == ["command"] })
    #expect(!files.wasReached, "more than \(calls) calls")
    // New instances have no relative of their own; what the others made is asked for once all the same.
    workspace.folder.write(
      workspace.text("brake.yaml")!.replacingOccurrences(of: "1..60", with: "61..120"), to: "brake.yaml")
    let new = CrashingFileSystem(failingAt: calls, .error(EIO))
    let others = try await workspace.engine(on: new).why(targets: [])
    #expect(others.count == 60 && others.allSatisfy { $0.relative?.stage.hasPrefix("s[") == true })
    #expect(!new.wasReached, "more than \(calls) calls")
  }

  @Test func `Of many stages that one waits for the first are named`() async throws {
    let workspace = try Workspace(
      """
      stages:
        s: { for: { i: 1..500 }, run: "echo ${i} > ${out.o}", out: { o: o.txt } }
        all: { run: "cat ${in.s} > ${out.o}", in: { s: s }, out: { o: o.txt } }
      """)
    let why = try await workspace.engine().why(targets: ["all"])
    let names = (1...10).map { "s[\($0)]" }.joined(separator: ", ")
    #expect(why.last?.verdict == "waits for \(names) and 490 more")
  }
}
