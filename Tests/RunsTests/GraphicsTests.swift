import Actions
import Artefacts
import Foundation
import Pipeline
import Support
import Testing

@testable import Runners
@testable import Runs

@Suite struct GraphicsTests {
  @Test func `What runs at once gets different graphics processors, and gives them back`() async throws {
    let folder = TemporaryFolder()
    let numbers = GraphicsNumbers(["4", "5", "7"], locks: GraphicsLocks(in: folder["locks"]))
    let first = try await numbers.take(1)
    var second = try await numbers.take(2)
    #expect(first?.variable == "4" && second?.variable == "5,7")
    #expect(try await numbers.take(1)?.variable == "")
    second = nil
    #expect(second == nil)
    #expect(try await numbers.take(3)?.variable == "5,7")
    #expect(try await numbers.take(1)?.variable == "5")
    #expect(try await numbers.take(nil) == nil)
    #expect(try await GraphicsNumbers([]).take(1) == nil)
    withExtendedLifetime(first) {}
  }

  @Test func `What another brake has is waited for, and comes with its end`() async throws {
    let folder = TemporaryFolder()
    let mine = GraphicsNumbers(["0", "MIG-1/2"], locks: GraphicsLocks(in: folder["locks"]))
    let theirs = GraphicsNumbers(["0", "MIG-1/2"], locks: GraphicsLocks(in: folder["locks"]))
    var first = try await mine.take(1)
    let second = try await theirs.take(1)
    #expect(first?.variable == "0" && second?.variable == "MIG-1/2")
    let (told, tell) = AsyncStream<Void>.makeStream()
    let waiting = Task { try await theirs.take(1, tell: { tell.yield() }) }
    for await _ in told { break }
    first = nil
    #expect(try await waiting.value?.variable == "0")
    withExtendedLifetime((first, second)) {}
  }

  @Test func `Who waits for several holds none of them meanwhile`() async throws {
    let folder = TemporaryFolder()
    let mine = GraphicsNumbers(["0", "1"], locks: GraphicsLocks(in: folder["locks"]))
    let theirs = GraphicsNumbers(["0", "1"], locks: GraphicsLocks(in: folder["locks"]))
    let half = try await mine.take(1)
    let (told, tell) = AsyncStream<Void>.makeStream()
    let waiting = Task { try await theirs.take(2, tell: { tell.yield() }) }
    for await _ in told { break }
    let rest = try await mine.take(1)
    #expect([half?.variable, rest?.variable] == ["0", "1"])
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
  }

  @Test func `A folder that is not this user's alone is no place for locks`() throws {
    let folder = TemporaryFolder()
    for (name, mode) in [("open", 0o755), ("mine", 0o700)] {
      try FileManager.default.createDirectory(
        atPath: folder[name], withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
    }
    try FileManager.default.createSymbolicLink(
      atPath: folder["link"], withDestinationPath: folder["mine"])
    for name in ["open", "link"] {
      let (one, two) = (GraphicsLocks(in: folder[name]), GraphicsLocks(in: folder[name]))
      let held = one.take("0")
      #expect(held != nil && two.take("0") != nil, "\(name)")
    }
    let held = GraphicsLocks(in: folder["mine"]).take("0")
    #expect(held != nil && GraphicsLocks(in: folder["mine"]).take("0") == nil)
    #expect(GraphicsLocks(in: folder["mine"], prefix: "12-").take("0") != nil)
  }

  @Test
  func `Commands that run beside each other see a graphics processor each, which is no part of their keys`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        use:
          for: { n: [1, 2] }
          gpus: 1
          run: |
            touch @HERE/${n}; while [ ! -e @HERE/1 -o ! -e @HERE/2 ]; do sleep 0.02; done
            echo $CUDA_VISIBLE_DEVICES > ${out.out}
          out: { out: o.txt }
        none: { gpus: 0, run: 'echo "[$CUDA_VISIBLE_DEVICES]" > ${out.out}', out: { out: o.txt } }
        silent: { run: 'echo "$${CUDA_VISIBLE_DEVICES-unset}" > ${out.out}', out: { out: o.txt } }
        own: { gpus: 1, env: { CUDA_VISIBLE_DEVICES: "9" }, run: "echo $CUDA_VISIBLE_DEVICES > ${out.out}", out: { out: o.txt } }
      """)
    func engine(_ graphics: [String]) throws -> Engine {
      let store = try Store(at: workspace.folder["cache"])
      let supplies = CommandSupplies(
        store: store, graphics: graphics, graphicsLocks: GraphicsLocks(in: workspace.folder["locks"]),
        visibleGraphics: nil)
      let surroundings = CommandSurroundings(workspace: workspace.folder.path, guardExecutable: nil)
      let text = String(decoding: workspace.folder.read("brake.yaml")!, as: UTF8.self)
      return Engine(
        source: PipelineSource(try PipelineFile(text: text, path: "brake.yaml")), overrides: [],
        root: workspace.folder.path, store: store, registry: workspace.registry,
        runner: { _ in LocalRunner(store: store, surroundings: surroundings, supplies: supplies) })
    }
    var options = RunOptions()
    options.jobs = 2
    let summary = try await engine(["3", "6"]).run(targets: [], options: options)
    #expect(summary.failed == 0, "\(summary.failures)")
    let seen = try [1, 2].map { try workspace.output("use[\($0)]", of: summary) }
    #expect(Set(seen) == ["3\n", "6\n"])
    #expect(try workspace.output("none", of: summary) == "[]\n")
    #expect(try workspace.output("silent", of: summary) == "unset\n")
    #expect(try workspace.output("own", of: summary) == "9\n")
    #expect(try await engine([]).run(targets: [], options: options).ran == 0)
  }

  @Test(arguments: ["1", ""])
  func `Commands without graphics processors of their own see those that brake was given`(given: String)
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        silent: { run: 'echo "[$${CUDA_VISIBLE_DEVICES-unset}]" > ${out.out}', out: { out: o.txt } }
        use: { gpus: 1, run: 'echo "use [$${CUDA_VISIBLE_DEVICES-unset}]" > ${out.out}', out: { out: o.txt } }
      """)
    let supplies = CommandSupplies(
      store: workspace.store, graphics: given.isEmpty ? [] : [given],
      graphicsLocks: GraphicsLocks(in: workspace.folder["locks"]), visibleGraphics: given)
    let surroundings = CommandSurroundings(workspace: workspace.folder.path, guardExecutable: nil)
    let text = String(decoding: workspace.folder.read("brake.yaml")!, as: UTF8.self)
    let engine = Engine(
      source: PipelineSource(try PipelineFile(text: text, path: "brake.yaml")), overrides: [],
      root: workspace.folder.path, store: workspace.store, registry: workspace.registry,
      runner: { _ in LocalRunner(store: workspace.store, surroundings: surroundings, supplies: supplies) })
    let events = Events()
    let summary = try await engine.run(targets: []) { events.add($0) }
    #expect(try workspace.output("silent", of: summary) == "[\(given)]\n")
    #expect(try workspace.output("use", of: summary) == "use [\(given)]\n")
    let words = "use declares more than this machine has, and runs with what there is: gpus: 1 of 0"
    #expect(events.notes.contains(words) == given.isEmpty, "\(events.notes)")
  }
}
