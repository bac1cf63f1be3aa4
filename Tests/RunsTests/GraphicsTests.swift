import Actions
import Artefacts
import Foundation
import Pipeline
import Support
import Testing

@testable import Runners
@testable import Runs

@Suite struct GraphicsTests {
  @Test func `What runs at once gets different graphics processors, and gives them back`() {
    let numbers = GraphicsNumbers(["4", "5", "7"])
    let first = numbers.take(1)
    var second = numbers.take(2)
    #expect(first?.variable == "4" && second?.variable == "5,7")
    #expect(numbers.take(1)?.variable == "")
    second = nil
    #expect(second == nil && numbers.take(3)?.variable == "5,7")
    #expect(numbers.take(1)?.variable == "5")
    #expect(numbers.take(nil) == nil && GraphicsNumbers([]).take(1) == nil)
    withExtendedLifetime(first) {}
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
      let supplies = CommandSupplies(store: store, graphics: graphics, visibleGraphics: nil)
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
      store: workspace.store, graphics: given.isEmpty ? [] : [given], visibleGraphics: given)
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
