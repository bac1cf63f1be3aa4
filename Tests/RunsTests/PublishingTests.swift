import Artefacts
import Foundation
import PlanSupport
import Support
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runners
@testable import Runs

/// What is published, and what of the user's is never lost by it.
@Suite struct PublishingTests {
  private let plots = """
    params: { n: 3 }
    stages:
      make: { run: "mkdir -p plots; for i in $(seq ${n}); do echo $i > plots/p$i; done", out: { plots: plots/ }, publish: results/ }
    """

  private func names(_ folder: String, _ workspace: Workspace) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: workspace.folder[folder]).sorted()
  }

  private func state(_ workspace: Workspace, _ overrides: [(name: String, value: String)] = [])
    async throws -> InstanceStatus.State?
  {
    try await workspace.engine(overrides).status(targets: []).first?.state
  }

  @Test func `Members that an output no longer has leave the published folder`() async throws {
    let workspace = try Workspace(plots)
    try await workspace.run()
    #expect(try names("results/plots", workspace) == ["p1", "p2", "p3"])
    let events = Events()
    try await workspace.run([], [("n", "1")], events: events)
    #expect(try names("results/plots", workspace) == ["p1"])
    #expect(
      events.notes == [
        "results/plots held what a run with n=3 published, and now holds that of n=1; to have both, put ${n} into publish:"
      ])
    // Both are recorded, and one is out of date in the workspace while the other is there.
    try await workspace.run()
    #expect(try await state(workspace) == .upToDate)
    #expect(try await state(workspace, [("n", "1")]) == .unpublished)
  }

  @Test func `A remembered run notices that another has added members`() async throws {
    let workspace = try Workspace(plots.replacingOccurrences(of: "n: 3", with: "n: 1"))
    for _ in 0..<3 where workspace.recall() == nil {
      usleep(30_000)
      _ = try await workspace.engine().run(targets: [], memory: workspace.memory)
    }
    #expect(workspace.recall() != nil)
    try await workspace.run([], [("n", "2")])
    #expect(workspace.recall() == nil)
    try await workspace.run()
    #expect(try names("results/plots", workspace) == ["p1"])
  }

  @Test func `What the user changed or added among published members stays`() async throws {
    let workspace = try Workspace(plots)
    try await workspace.run()
    workspace.folder.write("mine", to: "results/plots/p3")
    workspace.folder.write("notes", to: "results/plots/notes.txt")
    let events = Events()
    try await workspace.run([], [("n", "1")], events: events)
    #expect(try names("results/plots", workspace) == ["notes.txt", "p1", "p3"])
    #expect(workspace.text("results/plots/p3") == "mine")
    #expect(events.notes.contains { $0.hasPrefix("results/plots/p3 stays") })
    #expect(events.notes.contains { $0.hasPrefix("results/plots/notes.txt stays") })
    #expect(try await state(workspace, [("n", "1")]) == .upToDate)
  }

  @Test func `Without a memory of what was published, everything stays`() async throws {
    let workspace = try Workspace(plots)
    try await workspace.run()
    try FileManager.default.removeItem(atPath: workspace.folder["cache/index"])
    try await workspace.run([], [("n", "1")])
    #expect(try names("results/plots", workspace) == ["p1", "p2", "p3"])
  }

  @Test func `The memory of what was published survives nonsense in its file`() async throws {
    let workspace = try Workspace(plots)
    try await workspace.run()
    let index = workspace.folder["cache/index"]
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: index).first { $0.hasPrefix("published-") })
    let sound = workspace.folder.read("cache/index/" + name)!
    workspace.folder.write(
      Array("]\n[1]\n[\"file\",1,2,3]\n[\"gone\"]\n".utf8) + sound + Array("[\"gone\",\"results/pl".utf8),
      to: "cache/index/" + name)
    try await workspace.run([], [("n", "1")])
    #expect(try names("results/plots", workspace) == ["p1"])
  }

  @Test func `Runs with the same parameters say nothing of what they replace`() async throws {
    let workspace = try Workspace(
      "params: { n: 1 }\nstages: { s: { run: 'cat ${in.t} > ${out.o}', in: { t: t }, out: { o: o.txt }, publish: results/ } }",
      files: ["t": "1"])
    try await workspace.run()
    workspace.folder.write("2", to: "t")
    let events = Events()
    try await workspace.run(events: events)
    #expect(workspace.text("results/o.txt") == "2")
    #expect(events.notes.isEmpty)
  }

  // MARK: What is kept

  private let folder = """
    stages:
      s: { run: "mkdir f; echo 1 > f/a; mv f ${out.d}", out: { d: folder }, publish: { d: r/folder } }
    """

  @Test func `An edited folder is kept whole, although the store knows its manifest already`() async throws {
    let workspace = try Workspace(folder)
    try await workspace.run()
    workspace.folder.write("precious", to: "r/folder/b")
    let tree = try workspace.store.publication().add(path: workspace.folder["r/folder"])
    // A run that was killed has left the manifest, and nothing that it names.
    let publication = workspace.store.publication()
    #expect(try publication.add(path: workspace.folder["r/folder"]) == tree)
    try publication.commit()
    try FileManager.default.removeItem(atPath: workspace.object(Digest(of: Array("precious".utf8))))
    let events = Events()
    try await workspace.run(events: events)
    #expect(try names("r/folder", workspace) == ["a"])
    #expect(try names("r", workspace) == ["folder"])
    #expect(events.notes.contains { $0.contains(tree.digest.description) })
    try Store(at: workspace.folder["cache"]).verify(tree.digest)
  }

  @Test func `What a published result replaces is pinned, so that no collection takes it`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo 1 > ${out.o}', out: { o: o.txt }, publish: results/ } }")
    try await workspace.run()
    workspace.folder.write("mine", to: "results/o.txt")
    let events = Events()
    try await workspace.run(events: events)
    #expect(workspace.text("results/o.txt") == "1\n")
    let mine = Digest(of: Array("mine".utf8))
    #expect(events.notes.contains { $0.contains(mine.description) && $0.contains("brake unpin") })
    #expect(try workspace.store.pins() == [mine])
  }

  @Test func `A file that is to be executed can be, although its bytes stood there before`() async throws {
    let workspace = try Workspace(
      """
      params: { x: "false" }
      stages: { s: { run: "echo 1 > ${out.o}; if ${x}; then chmod +x ${out.o}; fi", out: { o: o.sh }, publish: results/ } }
      """)
    func isExecutable() -> Bool { access(workspace.folder["results/o.sh"], X_OK) == 0 }
    try await workspace.run()
    #expect(!isExecutable())
    #expect(try await workspace.run([], [("x", "true")]).failed == 0)
    #expect(isExecutable())
    #expect(chmod(workspace.folder["results/o.sh"], 0o644) == 0)
    #expect(try await state(workspace, [("x", "true")]) == .unpublished)
    // Somebody else's doing, and on some file systems that of all files.
    #expect(chmod(workspace.folder["results/o.sh"], 0o755) == 0)
    #expect(try await state(workspace) == .upToDate)
  }

  @Test func `An edit whose object is damaged is not taken for kept`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo 1 > ${out.o}', out: { o: o.txt }, publish: results/ } }")
    try await workspace.run()
    workspace.folder.write("edited", to: "results/o.txt")
    let publication = workspace.store.publication()
    let edit = try publication.add(path: workspace.folder["results/o.txt"])
    try publication.commit()
    let path = workspace.object(edit.digest)
    chmod(path, 0o644)
    var bytes = [UInt8](FileManager.default.contents(atPath: path)!)
    bytes[bytes.count / 2] ^= 0xFF
    #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
    try await workspace.run()
    #expect(workspace.text("results/o.txt") == "1\n")
    #expect(try Store(at: workspace.folder["cache"]).bytes(of: edit.digest) == Array("edited".utf8))
  }

  @Test func `A link that leads nowhere is replaced without running anything again`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo x >> @HERE/count; echo 1 > ${out.o}', out: { o: o.txt }, publish: results/ } }"
    )
    try FileManager.default.createDirectory(
      atPath: workspace.folder["results"], withIntermediateDirectories: false)
    symlink("/nonexistent/file", workspace.folder["results/o.txt"])
    #expect(try await workspace.run().failed == 0)
    #expect(workspace.text("results/o.txt") == "1\n")
    #expect(workspace.text("count") == "x\n")
  }

  @Test func `What cannot be kept is not replaced`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'echo 1 > ${out.o}', out: { o: o.txt }, publish: results/ } }")
    try FileManager.default.createDirectory(
      atPath: workspace.folder["results"], withIntermediateDirectories: false)
    mkfifo(workspace.folder["results/o.txt"], 0o600)
    let summary = try await workspace.run()
    #expect(
      summary.failures.first?.headline == "cannot publish 'results/o.txt': what stands there cannot be kept")
  }

  @Test func `A file gives way to a folder of the same name, and a folder to a file`() async throws {
    let workspace = try Workspace(plots)
    workspace.folder.write("mine", to: "results/plots")
    try await workspace.run()
    #expect(workspace.text("results/plots/p2") == "2\n")
    #expect(workspace.store.holds("mine"))
    workspace.folder.write(
      "stages: { s: { run: 'echo 1 > ${out.o}', out: { o: plots }, publish: results/ } }", to: "brake.yaml")
    try await workspace.run()
    #expect(workspace.text("results/plots") == "1\n")
  }

  // MARK: What is refused

  private func refusal(
    _ place: String, store: String = "cache", _ prepare: (TemporaryFolder) throws -> Void = { _ in }
  )
    throws -> PipelineError?
  {
    let folder = TemporaryFolder()
    folder.write("", to: "pipelines/p.yaml")
    try prepare(folder)
    let text =
      "stages:\n  s: { run: 'cat ${in.t} > ${out.o}', in: { t: data/t }, out: { o: o.txt }, publish: { o: \(place) } }"
    let engine = Engine(
      source: PipelineSource(try PipelineFile(text: text, path: folder["pipelines/p.yaml"])), overrides: [],
      root: folder.path,
      store: try Store(at: folder[store]), registry: OperationRegistry([]))
    do { _ = try engine.plan() } catch { return error }
    return nil
  }

  @Test(arguments: [
    "cache", "cache/format", "cache/objects/x", "pipelines", "pipelines/p.yaml", ".git/config", "sub/.git",
    "outside/o.txt", "inside/format", "dataset/t",
  ])
  func `Publishing over what is not the stage's is refused while planning`(place: String) throws {
    let outside = TemporaryFolder()
    let error = try refusal(place) { folder in
      symlink(outside.path, folder["outside"])
      symlink("cache", folder["inside"])
      folder.write("t", to: "data/t")
      symlink("data", folder["dataset"])
    }
    let refused = try #require(error)
    #expect(refused.position?.line == 2)
    #expect(refused.hint != nil)
  }

  @Test func `Publishing over a folder that holds the store is refused`() throws {
    #expect(try refusal("data2", store: "data2/store")?.headline.contains("the store is there") == true)
    #expect(try refusal("results/o.txt") == nil)
  }

  @Test func `A link inside the workspace may be published through`() throws {
    let error = try refusal("link/o.txt") { folder in
      folder.write("", to: "real/x")
      symlink("real", folder["link"])
    }
    #expect(error == nil)
  }
}

extension Store {
  fileprivate func holds(_ text: String) -> Bool {
    (try? bytes(of: Digest(of: Array(text.utf8)))) == Array(text.utf8)
  }
}
