import Artefacts
import Foundation
import JSON
import PlanSupport
import Support
import Synchronization
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

@Suite struct CommandEndingTests {
  /// An engine that tries again at once.
  private func run(
    _ workspace: Workspace, _ targets: [String] = [], on files: any FileSystem = LocalFileSystem(),
    events: Events? = nil
  ) async throws -> RunSummary {
    var engine = try workspace.engine(on: files)
    engine.backoff = Backoff(base: .milliseconds(1), jitter: { 0 })
    return try await engine.run(targets: targets) { events?.add($0) }
  }

  // MARK: Codes and the standard input

  @Test func `A command succeeds with the codes that its stage names, and with no other`() async throws {
    func pipeline(_ code: Int, _ codes: String) -> String {
      "stages: { s: { run: 'echo x > ${out.o}; exit \(code)', out: { o: o.txt }\(codes) } }"
    }
    #expect(try await Workspace(pipeline(3, ", codes: [0, 3]")).run().failed == 0)
    #expect(try await Workspace(pipeline(0, ", codes: [0, 3]")).run().failed == 0)
    #expect(try await Workspace(pipeline(141, ", codes: [141]")).run().failed == 0)
    let failure = try #require(try await Workspace(pipeline(0, ", codes: [3, 4]")).run().failures.first)
    #expect(failure.headline == "the command failed")
    #expect(
      failure.facts.contains { $0 == ("exit", "0") } && failure.facts.contains { $0 == ("success", "3, 4") })
  }

  @Test func `Codes and the standard input are part of the key, all else about the end is not`() async throws
  {
    func pipeline(_ rest: String) -> String {
      "stages: { s: { run: 'echo x > ${out.o}', in: { i: ./data, j: ./more }, out: { o: o.txt }\(rest) } }"
    }
    let workspace = try Workspace(pipeline(""), files: ["data": "1", "more": "2"])
    #expect(try await workspace.run().ran == 1)
    for (rest, ran) in [
      (", timeout: 1h, grace: 5s, retries: 2", 0), (", codes: [0]", 0), (", codes: [0, 1]", 1),
      (", codes: [1, 0, 1], timeout: 2h", 0), (", stdin: i", 1), (", stdin: '${in.i}', retries: 1", 0),
      (", stdin: j", 1), ("", 0),
    ] {
      workspace.folder.write(pipeline(rest), to: "brake.yaml")
      #expect(try await workspace.run().ran == ran, "\(rest)")
    }
  }

  @Test func `An input is the standard input, large or small, with and without a sandbox`() async throws {
    let large = String(repeating: "0123456789abcdef", count: 100_000)
    for sandbox in ["", ", sandbox: false"] {
      let workspace = try Workspace(
        """
        stages:
          made: { run: "cat > ${out.o}", in: { i: ./small }, stdin: i, out: { o: o.txt }\(sandbox) }
          same: { run: "cat - ${in.i} > ${out.out}", in: { i: made }, stdin: i, out: { out: o.txt }\(sandbox) }
          large: { run: "wc -c > ${out.out}", in: { i: ./large }, stdin: "${in.i}", out: { out: o.txt }\(sandbox) }
          none: { run: "wc -c > ${out.out}", out: { out: o.txt }\(sandbox) }
        """, files: ["small": "text\n", "large": large])
      let summary = try await workspace.run()
      #expect(summary.failed == 0, "\(summary.failures)")
      #expect(try workspace.output("same", of: summary) == "text\ntext\n")
      #expect(try workspace.output("large", of: summary) == "1600000\n")
      #expect(try workspace.output("none", of: summary) == "0\n")
    }
  }

  @Test func `A folder is no standard input`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'cat', in: { i: ./folder }, stdin: i } }", files: ["folder/file": "x"])
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline == "the standard input is one file, and 'i' is a folder", "\(failure)")
  }

  @Test func `A link reads the one before it on its standard input, the first one nothing`() async throws {
    let workspace = try Workspace(
      """
      stages:
        count:
          chain: { step: 1..3 }
          run: "{ cat; echo ${step}; } > ${out.out}"
          stdin: "${previous.out}"
          out: { out: o.txt }
        last: { run: "cat ${in.x} > ${out.out}", in: { x: "count[3]" }, out: { out: o.txt } }
      """)
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("last", of: summary) == "1\n2\n3\n")
  }

  // MARK: Timeouts

  @Test(arguments: ["", "sandbox: false"])
  func `A command that takes too long is asked to end, may save what it has, and is named`(rest: String)
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        s:
          run: |
            echo begun
            sh -c 'trap "echo saved > saved.txt; echo saving; exit 0" TERM; while :; do sleep 0.05; done'
            echo "never said"
          out: { o: o.txt }
          timeout: 1s
          grace: 30s
          \(rest)
      """)
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline == "the command took longer than it may", "\(failure)")
    #expect(failure.facts.contains { $0 == ("timeout", "1 s") })
    let left = try #require(failure.facts.first { $0.label == "what it left" }?.value)
    #expect(
      workspace.text(String(left.dropFirst(workspace.folder.path.count + 1)) + "/saved.txt") == "saved\n")
    let text = try await log(workspace)
    #expect(
      text.hasPrefix("begun\n") && text.hasSuffix("saving\n") && !text.contains("never said"), "\(text)")
  }

  @Test func `A command that does not end when asked is killed`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: \"trap '' TERM; while :; do sleep 0.05; done\", timeout: 1s, grace: 1s } }")
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline == "the command took longer than it may")
  }

  @Test func `A command within its time is not touched`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo x > ${out.o}', out: { o: o.txt }, timeout: 1000d } }")
    #expect(try await workspace.run().failed == 0)
  }

  // MARK: Retries

  /// Fails until it has been called so many times, which it counts outside of its folder.
  private func flaky(_ failures: Int, _ fail: String, _ rest: String) -> String {
    """
    stages:
      s:
        run: |
          echo x >> @HERE/count; n=$(wc -l < @HERE/count); echo "call $n"
          if [ $n -le \(failures) ]; then \(fail); fi
          echo result > ${out.out}
        out: { out: o.txt }
        sandbox: false
        \(rest)
    """
  }

  @Test(arguments: [
    ("exit 7", "the command failed"), ("exit 0", "the output 'out' was not written"),
    ("kill -9 $$", "the command was killed by a signal"),
  ]) func `What fails is tried again, and its log has every attempt`(fail: String, headline: String)
    async throws
  {
    #expect(try await run(try Workspace(flaky(2, fail, "retries: 1"))).failed == 1)

    let workspace = try Workspace(flaky(2, fail, "retries: 2"))
    let events = Events()
    let summary = try await run(workspace, events: events)
    #expect(summary.failed == 0 && summary.ran == 1, "\(summary.failures)")
    #expect(try workspace.output("s", of: summary) == "result\n")
    #expect(events.notes.count { $0 == "s: attempt 1 of 3 failed: \(headline)" } == 1, "\(events.notes)")
    #expect(
      try await log(workspace)
        == "call 1\n--- attempt 1 of 3 failed: \(headline)\ncall 2\n--- attempt 2 of 3 failed: \(headline)\ncall 3\n"
    )
    // What an earlier attempt left is of no use any more.
    #expect(
      (try? FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/failed"])) ?? [] == [])
  }

  private func log(_ workspace: Workspace) async throws -> String {
    let log = try #require(try await workspace.engine().logs(targets: ["s"]).first)
    var text: [UInt8] = []
    try log.stream { text += $0 }
    return String(decoding: text, as: UTF8.self)
  }

  @Test func `A result is the same whichever attempt made it`() async throws {
    func outputs(_ failures: Int) async throws -> ([String: JSON]?, [JSON]) {
      let workspace = try Workspace(flaky(failures, "exit 1", "retries: 3"))
      let summary = try await run(workspace)
      let records = try workspace.store.records { _ in }
      // The command names the test's folder.
      return (summary.outputs["s"], records.map { $0.manifest["outputs"] ?? .null })
    }
    let (first, later) = (try await outputs(0), try await outputs(3))
    #expect(first.0 == later.0 && first.1 == later.1)
  }

  @Test func `The failure that counts is the last one, with all attempts in its log`() async throws {
    let workspace = try Workspace(flaky(9, "exit $n", "retries: 2"))
    let failure = try #require(try await run(workspace).failures.first)
    #expect(failure.facts.contains { $0 == ("exit", "3") }, "\(failure)")
    #expect(workspace.text("count") == "x\nx\nx\n")
    #expect(
      try await log(workspace)
        == "call 1\n--- attempt 1 of 3 failed: the command failed\ncall 2\n--- attempt 2 of 3 failed: the command failed\ncall 3\n"
    )
  }

  @Test func `A run that is cancelled tries nothing again`() async throws {
    let workspace = try Workspace(flaky(9, "touch @HERE/here; sleep 60", "retries: 5"))
    let task = Task { try await run(workspace) }
    while workspace.text("here") == nil { try await Task.sleep(for: .milliseconds(10)) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(workspace.text("count") == "x\n")
  }

  @Test func `What fails before a command has begun is not tried again`() async throws {
    // From the call on which a disk stops to answer, wherever that is, a run comes to its end.
    var calls = 0
    var wasReached = true
    while wasReached {
      calls += 1
      let workspace = try Workspace(flaky(0, "exit 1", "retries: 2"))
      let stopping = CrashingFileSystem(failingAt: calls, .stop)
      _ = try? await run(workspace, on: stopping)
      wasReached = stopping.wasReached
      let lines = workspace.text("count")?.count { $0 == "\n" } ?? 0
      #expect(lines <= 1, "call \(calls)")
    }
    #expect(calls > 20)
  }

  @Test func `Pauses double up to a limit, each drawn from its upper half`() {
    var backoff = Backoff(jitter: { 0 })
    #expect((1...8).map { backoff.pause(after: $0) } == [0.5, 1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
    #expect(backoff.pause(after: 1_000_000) == .seconds(30))
    backoff.jitter = { 0.999 }
    #expect(backoff.pause(after: 1) > .milliseconds(990) && backoff.pause(after: 1) < .seconds(1))
    let drawn = Set((0..<20).map { _ in Backoff().pause(after: 3) })
    #expect(drawn.count > 1 && drawn.allSatisfy { $0 >= .seconds(2) && $0 <= .seconds(4) })
  }
}
