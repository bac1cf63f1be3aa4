import Actions
import Artefacts
import Foundation
import PlanSupport
import Support
import Testing

@testable import Pipeline
@testable import Runners
@testable import Runs

@Suite struct ToolVersionTests {
  private let pipeline = """
    stages:
      s: { run: "echo hi > ${out.o}", tools: { sh: "touch asked; cat number" }, out: { o: o.txt } }
      after: { run: "cat ${in.s} > ${out.o}", in: { s: s }, out: { o: o.txt } }
    """

  private func wasAsked(_ workspace: Workspace) -> Bool {
    defer { unlink(workspace.folder["asked"]) }
    return workspace.text("asked") != nil
  }

  @Test func `Looking runs no version command, and says what is not known`() async throws {
    let workspace = try Workspace(pipeline, files: ["number": "1"])
    #expect(try await workspace.engine().status(targets: []).map(\.state) == [.unknown, .waiting])
    let verdicts = try await workspace.engine().why(targets: ["after", "s"]).map(\.verdict)
    #expect(verdicts == ["the version of 'sh' is not known before it runs", "waits for s"])
    #expect(!wasAsked(workspace))
    try await workspace.run()
    #expect(wasAsked(workspace))
  }

  @Test func `A version is asked for when something runs, and remembered by what the command names`()
    async throws
  {
    let workspace = try Workspace(pipeline, files: ["number": "1"])
    #expect(try await workspace.run().ran == 2)
    #expect(wasAsked(workspace))
    // Nothing has to run, and nothing has changed.
    let events = Events()
    #expect(try await workspace.run(events: events).hit == 2)
    #expect(events.notes.contains { $0.hasPrefix("the version of sh was not asked for") })
    #expect(try await workspace.engine().status(targets: []).map(\.state) == [.upToDate, .upToDate])
    #expect(!wasAsked(workspace))
    // A file that the command names.
    workspace.folder.write("2", to: "number")
    #expect(try await workspace.engine().status(targets: ["s"]).map(\.state) == [.unknown])
    #expect(!wasAsked(workspace))
    #expect(try await workspace.run().ran == 1)
    #expect(wasAsked(workspace))
  }

  @Test func `Before anything is executed a version is asked for, remembered or not`() async throws {
    let workspace = try Workspace(
      pipeline.replacingOccurrences(of: "hi > ", with: "${n} > ").replacingOccurrences(
        of: "stages:", with: "params: { n: 1 }\nstages:"), files: ["number": "1"])
    try await workspace.run()
    #expect(wasAsked(workspace))
    try await workspace.run([], [("n", "2")])
    #expect(wasAsked(workspace))
  }

  @Test(arguments: ["echo $HOME", "cat numb?r", "sh ./version", "$(cat number)"])
  func `What a command may depend on without naming it makes it ask again`(command: String) async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo hi > ${out.o}', tools: { sh: 'touch asked; \(command == "$(cat number)" ? "echo " : "")\(command)' }, out: { o: o.txt } } }",
      files: ["number": "1", "version": "#!/bin/sh\ncat number\n"])
    chmod(workspace.folder["version"], 0o755)
    try await workspace.run()
    #expect(wasAsked(workspace))
    #expect(try await workspace.run().hit == 1)
    #expect(wasAsked(workspace))
    #expect(try await workspace.engine().status(targets: []).map(\.state) == [.unknown])
  }

  @Test func `Another program in its place, or another variable, makes it ask again`() async throws {
    let tool = TemporaryFolder()
    let workspace = try Workspace(
      "stages: { s: { run: 'echo hi > ${out.o}', tools: { '\(tool["tool"])': 'touch asked; echo 1' }, env: { A: \"${a}\" }, out: { o: o.txt } } }\nparams: { a: 1 }"
    )
    try FileManager.default.copyItem(atPath: "/bin/true", toPath: tool["tool"])
    try await workspace.run()
    #expect(wasAsked(workspace))
    try await workspace.run()
    #expect(!wasAsked(workspace))
    try FileManager.default.removeItem(atPath: tool["tool"])
    try FileManager.default.copyItem(atPath: "/bin/false", toPath: tool["tool"])
    #expect(try await workspace.engine().status(targets: []).map(\.state) == [.unknown])
    #expect(try await workspace.run().hit == 1)
    #expect(wasAsked(workspace))
    #expect(try await workspace.engine([("a", "2")]).status(targets: []).map(\.state) == [.unknown])
  }

  @Test func `Only a question of brake's own to Python is believed to look at no packages`() throws {
    let folder = TemporaryFolder()
    let python = folder["bin/python3"]
    folder.write("", to: "bin/other")
    try FileManager.default.copyItem(atPath: "/bin/true", toPath: python)
    let store = try Store(at: folder["store"])
    let memory = VersionMemory(store: store, root: folder.path)
    func key(_ ignoresPackages: Bool) -> Digest? {
      let tool = ToolIdentities.Tool(
        name: python, environment: [:], version: "\(python) -I -S -V; \(python) -m list",
        ignoresPackages: ignoresPackages)
      return memory.key(of: tool, at: python, StatCache(store: store))
    }
    let before = [try #require(key(false)), try #require(key(true))]
    folder.write("", to: "lib/python3.12/site-packages/package")
    #expect(key(false) != before[0])
    #expect(key(true) == before[1])
  }

  @Test func `A version command that does not end is killed with its children, and named`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo hi > ${out.o}', tools: { sh: 'sleep 60 & echo $! > @HERE/pid; wait' }, out: { o: o.txt } } }"
    )
    let engine = Engine(
      source: PipelineSource(try PipelineFile(text: workspace.text("brake.yaml")!, path: "brake.yaml")),
      overrides: [],
      root: workspace.folder.path, store: workspace.store, registry: workspace.registry,
      runner: { [store = workspace.store, place = workspace.folder.path] _ in
        LocalRunner(store: store, surroundings: CommandSurroundings(workspace: place, guardExecutable: nil))
      },
      versionLimit: .milliseconds(300))
    let summary = try await engine.run(targets: [])
    let error = try #require(summary.failures.first)
    #expect(error.headline.hasPrefix("a version command did not end within"))
    #expect(error.facts.contains { $0 == ("stage", "s") })
    #expect(error.facts.contains { $0.label == "version command" && $0.value.hasPrefix("sleep 60") })
    let pid = try #require(Int32(workspace.text("pid")!.trimmingCharacters(in: .whitespacesAndNewlines)))
    // Whoever takes over a child whose parent was killed may not have looked at its end yet.
    let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    #expect(kill(pid, 0) != 0 || status.isEmpty || status.contains("State:\tZ"), "\(status)")
  }

  @Test func `A memory of versions that is damaged, old or from the future is none`() async throws {
    let workspace = try Workspace(pipeline, files: ["number": "1"])
    try await workspace.run()
    #expect(wasAsked(workspace))
    let sound = try #require(workspace.text("cache/index/versions"))
    let line = sound.split(separator: ",")
    let now = try #require(Int(line[1]))
    #expect(try await workspace.engine().status(targets: ["s"]).map(\.state) == [.upToDate])
    for other in [
      "", "nonsense\n", String(sound.prefix(40)),
      sound.replacingOccurrences(of: "\(now)", with: "\(now - 100_000)"),
      sound.replacingOccurrences(of: "\(now)", with: "\(now + 100_000)"),
      sound.replacingOccurrences(of: "\(now)", with: "\(Int.min)"),
    ] {
      workspace.folder.write(other, to: "cache/index/versions")
      #expect(try await workspace.engine().status(targets: ["s"]).map(\.state) == [.unknown])
    }
  }

  @Test func `A program is the one that the command starts, if its stage has a PATH of its own`() async throws
  {
    let workspace = try Workspace(
      """
      stages:
        s:
          run: tool-of-a-test > ${out.o}
          env: { PATH: "@HERE/bin:/usr/bin:/bin" }
          tools: [tool-of-a-test]
          sandbox: false
          out: { o: o.txt }
      """)
    func tool(_ text: String) {
      workspace.folder.write("#!/bin/sh\necho \(text)\n", to: "bin/tool-of-a-test")
      chmod(workspace.folder["bin/tool-of-a-test"], 0o755)
    }
    tool("one")
    let first = try await workspace.run()
    #expect(first.failed == 0, "\(first.failures)")
    #expect(try workspace.output("s", "o", of: first) == "one\n")
    #expect(try await workspace.run().hit == 1)
    tool("two")
    _ = try await workspace.engine().run(targets: [], memory: workspace.memory)
    #expect(workspace.recall() == nil, "who recalls looks in another PATH")
    #expect(try workspace.output("s", "o", of: try await workspace.run()) == "two\n")
  }

  @Test func `Stages that are planned when keys are known ask for versions, too`() async throws {
    let workspace = try Workspace(
      """
      stages:
        split: { run: "mkdir p; for i in $(cat ${in.n}); do echo $i > p/$i; done", in: { n: list }, out: { parts: p/* } }
        each:
          for: { p: split.parts }
          run: "cat ${in.x} > ${out.o}"
          in: { x: "split.parts[${p}]" }
          tools: { sh: "touch asked; cat number" }
          out: { o: o.txt }
      """, files: ["list": "1", "number": "1"])
    #expect(try await workspace.run().failed == 0)
    #expect(wasAsked(workspace))
    workspace.folder.write("1 2", to: "list")
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(wasAsked(workspace))
  }
}
