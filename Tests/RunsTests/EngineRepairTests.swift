import Actions
import Artefacts
import Foundation
import Support
import Testing

@testable import Pipeline
@testable import Runs

@Suite struct EngineFolderRepairTests {
  private let pipeline = """
    params: { n: 0 }
    stages:
      make:
        run: "echo x >> @HERE/count; mkdir -p f/deep; echo one > f/a; echo two > f/deep/b; mv f ${out.o}"
        out: { o: folder }
        publish: results/
      use:
        run: "cat ${in.f}/a ${in.f}/deep/b > ${out.o}; echo ${n} >> ${out.o}"
        in: { f: make }
        out: { o: o.txt }
    """

  private func object(_ text: String, _ workspace: Workspace) -> String {
    workspace.object(Digest(of: Array(text.utf8)))
  }

  private func damage(_ path: String) throws {
    var bytes = [UInt8](FileManager.default.contents(atPath: path)!)
    bytes[bytes.count / 2] ^= 0xFF
    try FileManager.default.removeItem(atPath: path)
    #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
  }

  private func runs(_ workspace: Workspace) -> Int { workspace.text("count")?.count { $0 == "\n" } ?? 0 }

  @Test(arguments: ["one\n", "two\n"]) func `A folder that has lost a file is made again`(text: String)
    async throws
  {
    let workspace = try Workspace(pipeline)
    try await workspace.run()
    try FileManager.default.removeItem(atPath: object(text, workspace))
    #expect(try await workspace.engine().status(targets: ["make"]).map(\.state) == [.lost])
    let summary = try await workspace.run([], [("n", "1")])
    #expect((summary.ran, summary.failed) == (2, 0))
    #expect(try workspace.output("use", "o", of: summary) == "one\ntwo\n1\n")
    #expect(try workspace.store.contains(Digest(of: Array(text.utf8))))
  }

  @Test(arguments: ["one\n", "two\n"])
  func `A damaged file of a folder is found when a command gets it, and made again once`(text: String)
    async throws
  {
    let workspace = try Workspace(pipeline)
    try await workspace.run()
    try damage(object(text, workspace))
    let events = Events()
    let summary = try await workspace.run([], [("n", "1")], events: events)
    #expect(events.ran == ["make", "use"])
    #expect(try workspace.output("use", "o", of: summary) == "one\ntwo\n1\n")
    #expect(runs(workspace) == 2)
  }

  @Test func `A damaged file of a folder is found when it is published, and made again once`() async throws {
    let workspace = try Workspace(pipeline)
    try await workspace.run()
    try damage(object("two\n", workspace))
    try FileManager.default.removeItem(atPath: workspace.folder["results"])
    #expect(try await workspace.run().failed == 0)
    #expect(workspace.text("results/folder/deep/b") == "two\n")
    #expect(runs(workspace) == 2)
  }

  @Test func `A lost file of a folder is noticed by a run that is remembered`() async throws {
    let workspace = try Workspace(pipeline)
    for _ in 0..<3 where workspace.recall() == nil {
      usleep(30_000)
      _ = try await workspace.engine().run(targets: [], memory: workspace.memory)
    }
    #expect(workspace.recall() != nil)
    try FileManager.default.removeItem(atPath: object("two\n", workspace))
    #expect(workspace.recall() == nil)
  }

  @Test func `What is lost as soon as it is made is an error, not a loop`() async throws {
    let workspace = try Workspace(pipeline)
    let lost = object("one\n", workspace)
    let summary = try await workspace.engine().run(targets: []) { event in
      if case .started("use") = event { try? FileManager.default.removeItem(atPath: lost) }
    }
    #expect(summary.failed == 1)
    #expect(runs(workspace) == 2)
    #expect(summary.failures.first?.headline == "an input is missing or damaged in the store")
  }
}

@Suite struct EngineReplacementTests {
  @Test(arguments: [false, true])
  func `What is made again with other contents is read by all that had read what was lost`(
    isRemembered: Bool
  ) async throws {
    let workspace = try Workspace(
      """
      stages:
        p: { run: "echo x >> @HERE/count; cp @HERE/count ${out.o}", out: { o: p.txt }, sandbox: false }
        a: { run: "cat ${in.p} > ${out.o}", in: { p: p }, out: { o: o.txt }, publish: a.txt }
        b: { run: "cat ${in.p} ${in.s} > ${out.o}", in: { p: p, s: source }, out: { o: o.txt }, publish: b.txt }
      """, files: ["source": "1\n"])
    try await workspace.run()
    for _ in 0..<3 where isRemembered && workspace.recall() == nil {
      usleep(30_000)
      _ = try await workspace.engine().run(targets: [], memory: workspace.memory)
    }
    let path = workspace.object(Digest(of: Array("x\n".utf8)))
    chmod(path, 0o644)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count / 2] ^= 1
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.write(contentsOf: bytes)
    try handle.close()
    workspace.folder.write("2\n", to: "source")
    let memory = workspace.memory
    #expect(memory.recall() == nil)
    let summary = try await workspace.engine().run(targets: [], memory: isRemembered ? memory : nil)
    #expect((summary.ran, summary.hit, summary.failed) == (3, 0, 0))
    #expect(workspace.text("count") == "x\nx\n")
    #expect(workspace.text("a.txt") == "x\nx\n")
    #expect(workspace.text("b.txt") == "x\nx\n2\n")
    #expect(try await workspace.run().hit == 3)
  }
}

@Suite struct EngineRecordTests {
  /// Has the record of a stage name other outputs.
  private func change(
    _ stage: String, in workspace: Workspace, _ change: ([Record.Output]) -> [Record.Output]
  ) throws {
    let record = try #require(try workspace.store.records { _ in }.first { $0.stage == stage })
    let publication = workspace.store.publication()
    try publication.add(
      record: Record(
        manifest: record.manifest, outputs: change(record.outputs), log: record.log, stage: record.stage,
        sources: record.sources))
    try publication.commit()
  }

  @Test(arguments: ["missing", "additional", "keyed", "single", "impossible key", "twice"])
  func `A record with other outputs than the stage declares is a miss`(how: String) async throws {
    let workspace = try Workspace(
      """
      stages:
        one: { run: "echo hi > ${out.o}", out: { o: o.txt }, publish: results/ }
        many: { run: "mkdir -p d; echo 1 > d/a.txt; echo 2 > d/b.txt", out: { d: d/ }, publish: results/ }
      """)
    try await workspace.run()
    let stage = how == "single" || how == "impossible key" ? "many" : "one"
    try change(stage, in: workspace) { outputs in
      let first = outputs[0]
      switch how {
      case "missing": return []
      case "additional": return outputs + [Record.Output(name: "p", artefact: first.artefact)]
      case "keyed": return [Record.Output(name: first.name, key: "k", artefact: first.artefact)]
      case "single": return [Record.Output(name: first.name, artefact: first.artefact)]
      case "impossible key": return [Record.Output(name: first.name, key: "a,b", artefact: first.artefact)]
      default: return outputs + outputs
      }
    }
    try FileManager.default.removeItem(atPath: workspace.folder["results"])
    #expect(try await workspace.engine().status(targets: [stage]).map(\.state) == [.mustRun])
    let events = Events()
    let summary = try await workspace.run(events: events)
    #expect((summary.ran, summary.hit) == (1, 1))
    #expect(events.notes.contains { $0.hasPrefix("\(stage) runs, although it is recorded") })
    #expect(workspace.text("results/o.txt") == "hi\n")
    #expect(try await workspace.run().hit == 2)
  }
}
