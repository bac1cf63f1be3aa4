import Artefacts
import Foundation
import JSON
import Support
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

@Suite struct EngineFailureTests {
  /// The failure of a pipeline with a single failing stage.
  private func failure(_ pipeline: String, files: [String: String] = [:]) async throws -> PipelineError {
    let workspace = try Workspace(pipeline, files: files)
    let summary = try await workspace.run()
    #expect(summary.failed == 1)
    return try #require(summary.failures.first)
  }

  @Test func `A failing command is told with stage, command and exit code`() async throws {
    let error = try await failure("stages: { bad: { run: 'echo oops; exit 3', out: { out: x } } }")
    #expect(error.headline == "the command failed")
    #expect(error.facts.contains { $0 == ("stage", "bad") })
    #expect(error.facts.contains { $0 == ("exit", "3") })
    #expect(error.position?.line == 1)
  }

  @Test func `A command killed by a signal is told with the signal`() async throws {
    let error = try await failure("stages: { bad: { run: 'kill -KILL $$', out: { out: x } } }")
    #expect(error.facts.contains { $0.label == "signal" && $0.value.hasPrefix("9 ") })
  }

  @Test func `A missing output is an error`() async throws {
    let error = try await failure("stages: { bad: { run: 'true', out: { out: x.txt } } }")
    #expect(error.headline == "the output 'out' was not written")
  }

  @Test func `A missing source is told with stage and input`() async throws {
    let error = try await failure("stages: { bad: { op: text.repeat, in: { text: nowhere.txt } } }")
    #expect(error.headline == "no file or folder 'nowhere.txt'")
    #expect(error.facts.contains { $0 == ("input", "text") })
  }

  @Test func `A missing program is found before the command runs`() async throws {
    let error = try await failure(
      "stages: { bad: { run: 'no-such-program-at-all', tools: [no-such-program-at-all], out: { out: x } } }")
    #expect(error.headline == "the program 'no-such-program-at-all' is not installed")
  }

  private let fork = """
    stages:
      bad: { run: "exit 1", out: { out: x } }
      after: { run: "cat ${in.bad} > ${out.out}", in: { bad: bad }, out: { out: y } }
      good: { run: "until test -e @HERE/failed; do sleep 0.05; done; echo fine > ${out.out}", out: { out: z } }
      later: { run: "cat ${in.good} > ${out.out}", in: { good: good }, out: { out: w } }
    default: [after, later]
    """

  /// Runs all of `fork`. 'good' does not end before the engine knows of the failure.
  private func runFork(_ workspace: Workspace, _ options: RunOptions) async throws -> RunSummary {
    let failed = workspace.folder["failed"]
    return try await workspace.engine([]).run(targets: [], options: options) { event in
      if case .finished("bad", .failed, _) = event {
        _ = FileManager.default.createFile(atPath: failed, contents: nil)
      }
    }
  }

  @Test func `A failed stage stops its dependants; what runs is finished and kept`() async throws {
    let workspace = try Workspace(fork)
    var options = RunOptions()
    options.jobs = 2
    let summary = try await runFork(workspace, options)
    #expect((summary.failed, summary.ran, summary.skipped) == (1, 1, 2))
    #expect(try await workspace.run(["good"]).hit == 1)
  }

  @Test func `-k goes on with what does not depend on the failure`() async throws {
    let workspace = try Workspace(fork)
    var options = RunOptions()
    options.keepGoing = true
    let summary = try await runFork(workspace, options)
    #expect((summary.failed, summary.ran, summary.skipped) == (1, 2, 1))
    #expect(try workspace.output("later", of: summary) == "fine\n")
  }

  @Test func `-k leaves out stages that cannot be planned when keys are known, and plans the others`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        a: { run: "mkdir m; echo 1 > m/abc.txt", out: { m: m/ } }
        bad: { for: { k: a.m }, cores: "${k} * 2", run: "cat ${in.x} > ${out.o}", in: { x: "a.m[${k}]" }, out: { o: o.txt } }
        behind: { run: "cat ${in.x} > ${out.o}", in: { x: bad }, out: { o: o.txt } }
        c: { run: "until test -e @HERE/failed; do sleep 0.05; done; mkdir m; echo 2 > m/abc.txt", out: { m: m/ } }
        good: { for: { k: c.m }, run: "cat ${in.x} > ${out.o}", in: { x: "c.m[${k}]" }, out: { o: o.txt } }
      """)
    let (failed, events) = (workspace.folder["failed"], Events())
    var options = RunOptions()
    options.keepGoing = true
    options.jobs = 2
    let summary = try await workspace.engine().run(targets: [], options: options) { event in
      events.add(event)
      if case .note = event { _ = FileManager.default.createFile(atPath: failed, contents: nil) }
    }
    #expect((summary.failed, summary.ran) == (1, 3))
    #expect(events.ran.contains { $0.hasPrefix("good[") })
    #expect(events.notes.contains("what cannot be planned is left out: bad, behind"))
  }

  @Test func `The log of a failure is kept until the stage succeeds`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo trying; test -e @HERE/flag && echo done > ${out.out}', out: { out: x } } }")
    #expect(try await workspace.run().failed == 1)
    #expect(try await log(workspace) == "trying\n")
    workspace.folder.write("", to: "flag")
    #expect(try await workspace.run().ran == 1)
    #expect(try await log(workspace) == "trying\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/failed"]).isEmpty)
  }

  @Test func `What failures of two processes have left stands apart, and foreign folders harm nobody`()
    async throws
  {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo kept > left; exit 1', out: { out: x } } }")
    try workspace.store.make()
    // Somebody who may write to the store has put these there.
    for number in ["\(Int.max)", "-5", "0", "x"] {
      workspace.folder.write(
        #"{"key":"\(String(repeating: "a", count: 64))","line":"l"}"#,
        to: "cache/failed/aaaaaaaaaaaa-\(number)/about")
    }
    // Both know of no failure when they begin.
    let engines = [try workspace.engine(), try workspace.engine()]
    for engine in engines { _ = try await engine.logs(targets: []) }
    for engine in engines { #expect(try await engine.run(targets: []).failed == 1) }
    let folders = try FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/failed"])
      .filter { !$0.hasPrefix("aaaaaaaaaaaa") }
    #expect(folders.count == 2)
    for folder in folders { #expect(workspace.text("cache/failed/\(folder)/work/left") == "kept\n") }
  }

  @Test func `What the newest failure printed is kept, also where all others have left files`() async throws {
    let workspace = try Workspace(
      """
      stages:
        left: { for: { n: "1..8" }, run: "echo junk > junk; echo ${n}; exit 1", out: { out: x } }
        s: { run: "echo newest; exit 1", out: { out: x } }
      """)
    var options = RunOptions()
    options.keepGoing = true
    #expect(try await workspace.run(["left"], options: options).failed == 8)
    #expect(try await workspace.run(["s"]).failed == 1)
    #expect(try await log(workspace) == "newest\n")
  }

  @Test func `What the newest failure of an action printed is kept, also where its others have left files`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        s: { run: "if test -e @HERE/flag; then echo new; else echo old; echo junk > junk; fi; exit 1", out: { out: x } }
      """)
    for _ in 0..<3 { #expect(try await workspace.run().failed == 1) }
    workspace.folder.write("", to: "flag")
    #expect(try await workspace.run().failed == 1)
    #expect(try await log(workspace) == "new\n")
  }

  @Test func `The log of an attempt to make a result anew that has failed is told before that of the result`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        s: { run: "if test -e @HERE/flag; then echo bad; exit 1; fi; echo good; echo x > ${out.out}", out: { out: x } }
      """)
    var options = RunOptions()
    options.always = true
    #expect(try await workspace.run(options: options).ran == 1)
    #expect(try await log(workspace) == "good\n")
    workspace.folder.write("", to: "flag")
    #expect(try await workspace.run(options: options).failed == 1)
    #expect(try await log(workspace) == "bad\n")
    try FileManager.default.removeItem(atPath: workspace.folder["flag"])
    #expect(try await workspace.run(options: options).ran == 1)
    #expect(try await log(workspace) == "good\n")
  }

  /// Runs a target until its instances have said so in files, and stops it.
  private func stop(
    _ target: String, until files: [String], in workspace: Workspace, options: RunOptions = RunOptions()
  ) async throws {
    let run = Task { try await workspace.run([target], options: options) }
    while !files.allSatisfy({ workspace.text($0) != nil }) { try await Task.sleep(for: .milliseconds(10)) }
    run.cancel()
    await #expect(throws: CancellationError.self) { try await run.value }
  }

  @Test(.timeLimit(.minutes(1)))
  func `What was stopped takes the place of nothing that failed, and is told as what it is`() async throws {
    let workspace = try Workspace(
      """
      stages:
        s: { run: "echo why; exit 1", out: { out: x } }
        long: { for: { n: "1..9" }, run: "echo working; touch @HERE/on-${n}; sleep 60", out: { out: x }, sandbox: false }
      """)
    #expect(try await workspace.run(["s"]).failed == 1)
    var options = RunOptions()
    options.jobs = 9
    try await stop("long", until: (1...9).map { "on-\($0)" }, in: workspace, options: options)
    #expect(try await log(workspace) == "why\n")
    let logs = try await workspace.engine().logs(targets: ["s", "long"])
    guard case .failed? = logs.first(where: { $0.instance == "s" })?.place else {
      Issue.record("it is not said to have failed")
      return
    }
    let stopped = logs.count { if case .stopped = $0.place { true } else { false } }
    #expect(stopped == 8, "so many are kept, and said to have been stopped")
  }

  @Test(.timeLimit(.minutes(1)))
  func `An attempt to make a result anew that was stopped does not hide what the result printed`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        s:
          run: "if test -e @HERE/flag; then echo bad; touch @HERE/on; sleep 60; fi; echo good; echo x > ${out.out}"
          out: { out: x }
          sandbox: false
      """)
    #expect(try await workspace.run().ran == 1)
    workspace.folder.write("", to: "flag")
    var options = RunOptions()
    options.always = true
    try await stop("s", until: ["on"], in: workspace, options: options)
    #expect(try await log(workspace) == "good\n")
  }

  @Test func `An attempt was killed where nothing is recorded and nobody makes it`() async throws {
    let workspace = try Workspace("stages: { s: { run: 'echo good; echo x > ${out.out}', out: { out: x } } }")
    func place() async throws -> StageLog.Place? {
      try await workspace.engine().logs(targets: ["s"]).first?.place
    }
    let key = try #require(try await workspace.engine().status(targets: []).first?.key)
    try workspace.store.make()
    // As it stays where a brake dies just before it removes this.
    let trace = "cache/failed/\(key.hex)-saved.now"
    workspace.folder.write("bad\n", to: trace)
    #expect(try await place() == .killed(["\(workspace.store.root)/failed/\(key.hex)-saved.now"]))
    let right = try Leases(of: workspace.store).take(key)
    #expect(try await place() == StageLog.Place.none)
    right?.release()
    try await workspace.run()
    workspace.folder.write("bad\n", to: trace)
    #expect(try await log(workspace) == "good\n")
  }

  private func log(_ workspace: Workspace) async throws -> String {
    var text = ""
    try await workspace.engine().logs(targets: ["s"]).first?.stream {
      text += String(decoding: $0, as: UTF8.self)
    }
    return text
  }

  @Test func `Cancelling ends children and leaves the store clean`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo $$ > @HERE/pid; sleep 60 & wait', sandbox: false, out: { out: x } } }")
    let run = Task { try await workspace.run() }
    while (workspace.text("pid") ?? "").isEmpty { try await Task.sleep(for: .milliseconds(10)) }
    run.cancel()
    await #expect(throws: CancellationError.self) { try await run.value }
    let pid = try #require(Int32(workspace.text("pid")!.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(try processes(inGroup: pid).isEmpty)
    let left = try FileManager.default.subpathsOfDirectory(atPath: workspace.folder["cache/tmp"])
    // The folder of this process itself, which lives on.
    #expect(left.allSatisfy { $0.split(separator: "/").count == 1 || $0.hasSuffix("/alive") })
    #expect(try workspace.store.records { _ in }.isEmpty)
  }
}

/// The processes of a group that still run; zombies that nobody has reaped do not.
private func processes(inGroup group: Int32) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int32($0) != nil }.filter { pid in
    guard let status = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return false }
    let fields = String(decoding: status, as: UTF8.self).split(separator: ")").last!.split(separator: " ")
    return fields[2] == "\(group)" && fields[0] != "Z"
  }
}

@Suite struct EngineRepairTests {
  private let pipeline = """
    stages:
      a: { run: "echo a > ${out.out}", out: { out: a.txt } }
      b: { run: "cat ${in.a} ${in.s} > ${out.out}", in: { a: a, s: source.txt }, out: { out: b.txt }, publish: results/ }
    default: [b]
    """

  private func digest(_ text: String) -> Digest { Digest(of: Array(text.utf8)) }

  @Test func `A hit whose object is missing runs its producer again`() async throws {
    let workspace = try Workspace(pipeline, files: ["source.txt": "1\n"])
    try await workspace.run()
    try FileManager.default.removeItem(atPath: workspace.object(digest("a\n")))
    let events = Events()
    try await workspace.run(events: events)
    #expect(events.ran == ["a"])
    #expect(try workspace.store.contains(digest("a\n")))
  }

  @Test func `A damaged input is made again before the stage that needs it runs`() async throws {
    let workspace = try Workspace(pipeline, files: ["source.txt": "1\n"])
    try await workspace.run()
    let object = workspace.object(digest("a\n"))
    var bytes = [UInt8](FileManager.default.contents(atPath: object)!)
    bytes[bytes.count / 2] ^= 0xFF
    try FileManager.default.removeItem(atPath: object)
    #expect(FileManager.default.createFile(atPath: object, contents: Data(bytes)))
    workspace.folder.write("2\n", to: "source.txt")
    let events = Events()
    let summary = try await workspace.run(events: events)
    #expect(events.ran == ["a", "b"])
    #expect(try workspace.output("b", of: summary) == "a\n2\n")
    try workspace.store.verify(digest("a\n"))
  }

  @Test func `A truncated record is a miss`() async throws {
    let workspace = try Workspace(pipeline, files: ["source.txt": "1\n"])
    try await workspace.run()
    let key = try #require(try workspace.store.records { _ in }.first { $0.stage == "a" }?.key)
    let path = workspace.folder["cache/actions/\(key.hex.prefix(2))/\(key.hex.dropFirst(2))"]
    let bytes = FileManager.default.contents(atPath: path)!
    try FileManager.default.removeItem(atPath: path)
    #expect(FileManager.default.createFile(atPath: path, contents: bytes.prefix(bytes.count / 2)))
    let summary = try await workspace.run()
    #expect((summary.ran, summary.hit, summary.failed) == (1, 1, 0))
  }
}
