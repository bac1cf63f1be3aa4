import Artefacts
import Foundation
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runners
@testable import Runs

/// A brake that was stopped, so that another one took it for dead, and goes on.
@Suite struct LostRightTests {
  /// Loses the right to the action while it runs, and what it was to bring.
  private struct Stopped: Runner {
    let local: LocalRunner
    let leases: String
    let meanwhile: @Sendable () async throws -> Void

    func capacity(places: Int) -> Capacity { local.capacity(places: places) }

    func run(_ action: Action, _ watcher: ActionWatcher) async throws -> ActionResult {
      try FileManager.default.removeItem(atPath: "\(leases)/\(action.key.hex)")
      try await meanwhile()
      throw Failure(.refused, "the job ended and left no answer")
    }
  }

  private func engine(
    _ workspace: Workspace, meanwhile: @escaping @Sendable () async throws -> Void
  ) throws -> Engine {
    let leases = workspace.folder["cache/leases"]
    let text = try #require(workspace.text("brake.yaml"))
    return Engine(
      source: PipelineSource(try PipelineFile(text: text, path: "brake.yaml")), overrides: [],
      root: workspace.folder.path, store: try Store(at: workspace.folder["cache"]),
      registry: workspace.registry, runner: { Stopped(local: $0, leases: leases, meanwhile: meanwhile) })
  }

  @Test func `What another brake has recorded meanwhile is taken, whatever became of this one's attempt`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        s: { run: "echo done > ${out.o}", out: { o: o.txt }, retries: 3 }
      """)
    let events = Events()
    let summary = try await engine(workspace) { try await workspace.run() }.run(targets: []) {
      events.add($0)
    }
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("s", "o", of: summary) == "done\n")
    #expect(events.ran == [], "the other one ran it")
  }

  @Test func `A failure with the right in hand is a failure`() async throws {
    let workspace = try Workspace(
      """
      stages:
        s: { run: "exit 1", out: { o: o.txt } }
      """)
    #expect(try await workspace.run().failed == 1)
  }
}
