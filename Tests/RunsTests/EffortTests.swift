import JSON
import Support
import System
import Testing

@testable import Actions
@testable import Artefacts
@testable import Runners
@testable import Runs

/// What actions took is noted beside their records, and used.
@Suite struct EffortTests {
  /// It has 200 MiB at once, for much longer than between two looks at it, which come late on a machine with much else to do.
  private static let work =
    "python3 -c \"import time; x = bytes(range(200)) * (1 << 20); time.sleep(6)\"; echo > ${out.out}"

  private func making(_ workspace: Workspace, _ stage: String) throws -> Making {
    let record = try #require(try workspace.store.records { _ in }.first { $0.stage == stage })
    return try #require(Making.of(record.key, in: workspace.store))
  }

  @Test(arguments: [true, false])
  func `What a command took is noted, with all that it has started`(isSandboxed: Bool) async throws {
    let workspace = try Workspace(
      """
      stages:
        busy: { run: '\(Self.work)', out: { out: o.txt }, sandbox: \(isSandboxed) }
        idle: { run: "sleep 0.3; echo > ${out.out}", out: { out: o.txt }, sandbox: \(isSandboxed) }
      """)
    let summary = try await workspace.run()
    try #require(summary.failures.isEmpty, "\(summary.failures)")
    let (busy, idle) = (try making(workspace, "busy"), try making(workspace, "idle"))
    #expect(busy.peakMemory ?? 0 > 190 << 20)
    #expect((busy.peakMemory ?? 0) > (idle.peakMemory ?? 0))
    let (worked, slept) = (try #require(busy.processorSeconds), try #require(idle.processorSeconds))
    #expect(worked > 0 && worked < busy.seconds + 1 && slept < idle.seconds)
    #expect(busy.host == Machine.name)
    // It is no part of what can be made again.
    let record = try #require(try workspace.store.records { _ in }.first { $0.stage == "busy" })
    #expect(!record.manifest.canonical.contains("cpu_seconds"))
  }

  @Test func `What the most similar action took is expected of one that must run`() async throws {
    let text = """
      params: { n: 1 }
      stages: { s: { run: "echo ${n} > ${out.out}", out: { out: o.txt } } }
      """
    let workspace = try Workspace(text)
    _ = try await workspace.run()
    let before = try making(workspace, "s")
    workspace.folder.write(text.replacing("n: 1", with: "n: 2"), to: "brake.yaml")
    let explanation = try #require(try await workspace.engine().why(targets: []).first)
    #expect(explanation.relative?.making == before)
  }

  @Test func `An action is alone that begins beside no other, and ends before another begins`() {
    let solitude = Solitude()
    let first = solitude.begin()
    #expect(solitude.isAlone(first))
    let second = solitude.begin()
    #expect(!solitude.isAlone(first) && !solitude.isAlone(second))
    solitude.end(first)
    #expect(!solitude.isAlone(second))
    solitude.end(second)
    let third = solitude.begin()
    #expect(solitude.isAlone(third) && !solitude.isAlone(second))
    solitude.end(third)
    #expect(!solitude.isAlone(third))
  }

  @Test func `Numbers that cannot be are not known`() throws {
    let json: JSON = [
      "seconds": -1, "cpu_seconds": "3", "peak_memory": 0,
      "host": .string(String(repeating: "h", count: 300)),
    ]
    #expect(Effort(json) == Effort())
    let effort = Effort(
      ProcessUsage(processorSeconds: 1.5, peakMemory: 1 << 40), seconds: 2.5, host: "node")
    #expect(Effort(.object(effort.members)) == effort)
  }
}
