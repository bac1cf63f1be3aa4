import Artefacts
import Foundation
import JSON
import Support
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

@Suite struct OutputLinkTests {
  @Test(arguments: [
    "ln -s @HERE/data.txt ${out.out}", "ln -s @HERE/folder ${out.out}",
    "mkdir ${out.out}; ln -s @HERE/data.txt ${out.out}/x", "ln -s /proc/self/cwd/data.txt ${out.out}",
    "mkdir t; ln -s /etc t/e; ln -s t ${out.out}",
  ])
  func `An output cannot be a link to what the command did not declare`(command: String) async throws {
    let workspace = try Workspace(
      "stages: { s: { run: '\(command)', out: { out: o } } }",
      files: ["data.txt": "one", "folder/a": "a"])
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline.contains("link that leads out"), "\(failure)")
    #expect(try workspace.store.records { _ in }.isEmpty)
  }

  @Test(arguments: [
    ("mkfifo ${out.out}", "a pipe", "o"), ("mkdir ${out.out}; mkfifo ${out.out}/p", "a pipe", "o/p"),
    ("python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"o\")'", "a socket", "o"),
    ("ln -s o ${out.out}", "a link that leads to itself", "o"),
    ("mkdir ${out.out}; ln -s y ${out.out}/x; ln -s x ${out.out}/y", "a link that leads to itself", "o/x"),
  ])
  func `What is neither a file nor a folder is named with its output and stage`(
    command: String, kind: String, place: String
  ) async throws {
    let workspace = try Workspace(
      """
      stages:
        s:
          run: |
            \(command)
          out: { out: o }
      """)
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline.hasPrefix("the output 'out' is or holds \(kind)"), "\(failure)")
    #expect(failure.facts.contains { $0 == ("stage", "s") })
    #expect(failure.facts.contains { $0.label != "stage" && $0.value == place }, "\(failure)")
    #expect(!"\(failure)".contains("cache/tmp"))
  }

  @Test func `Links within the command's folder are stored as what they lead to`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo 3 > m3; ln -s m3 ${out.out}', out: { out: latest } } }")
    #expect(try await workspace.output("s", of: workspace.run()) == "3\n")
  }
}

@Suite struct LatePlanTests {
  @Test func `What is wrong with stages that are planned late is said, and counts as a failure`() async throws
  {
    let workspace = try Workspace(
      """
      stages:
        a: { run: 'mkdir p; echo v > p/x.pt', out: { p: p/*.pt } }
        b: { for: { k: a.p }, run: "echo $((${k}+1)) > ${out.o}", out: { o: o.txt } }
      """)
    let events = Events()
    let summary = try await workspace.run(events: events)
    #expect(summary.failed == 1 && summary.failures.count == 1)
    #expect(events.all.contains { if case .note(let text) = $0 { text.contains("error:") } else { false } })
  }

  @Test func `A key that reads like nothing is text`() async throws {
    let workspace = try Workspace(
      """
      stages:
        a: { run: 'mkdir p; echo v > p/null.pt; echo w > p/~.pt', out: { p: p/*.pt } }
        b:
          for: { k: a.p }
          run: "cat ${in.m} > ${out.out}"
          in: { m: "a.p[${k}]" }
          out: { out: o.txt }
      """)
    let summary = try await workspace.run()
    #expect(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try workspace.output("b[null]", of: summary) == "v\n")
  }

  @Test func `Two stages cannot publish to one place by way of a link, nor out of the workspace`()
    async throws
  {
    let pipeline = """
      stages:
        a: { run: 'echo a > ${out.o}', out: { o: o.txt }, publish: { o: r/x } }
        b: { run: 'mkdir ${out.o}; echo b > ${out.o}/b', out: { o: d/ }, publish: { o: r2/x } }
      """
    let workspace = try Workspace(pipeline, files: ["r/keep": "", "kept": ""])
    let here = workspace.folder
    try FileManager.default.createSymbolicLink(atPath: here["r2"], withDestinationPath: "r")
    await #expect(throws: PipelineError.self) { try await workspace.run() }
    try FileManager.default.removeItem(atPath: here["r2"])
    let outside = TemporaryFolder()
    try FileManager.default.createDirectory(atPath: here["r2"], withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: here["r2/x"], withDestinationPath: outside.path)
    await #expect(throws: PipelineError.self) { try await workspace.run() }
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path).isEmpty)
  }
}
