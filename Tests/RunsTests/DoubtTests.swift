import Artefacts
import Foundation
import JSON
import Support
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

/// That an action ran without a sandbox is told wherever one asks where a result comes from.
@Suite struct DoubtTests {
  private static let pipeline = """
    stages:
      free: { run: "echo 1 > ${out.out}", sandbox: false, out: { out: o.txt } }
      kept: { run: "cat ${in.f} > ${out.out}; echo 2 >> ${out.out}", in: { f: free }, out: { out: o.txt } }
      own: { run: "echo 3 > ${out.out}", out: { out: o.txt } }
    """

  private func record(_ stage: String, in workspace: Workspace) throws -> Record {
    try #require(try workspace.store.records { _ in }.first { $0.stage == stage })
  }

  @Test func `The record says it, and so do why and the lineage; the key does not`() async throws {
    let workspace = try Workspace(DoubtTests.pipeline)
    let summary = try await workspace.run(["free", "kept", "own"])
    #expect(summary.failed == 0)
    let free = try record("free", in: workspace)
    let kept = try record("kept", in: workspace)
    #expect(free.doubt == .declined)
    #expect(kept.doubt == (TestSandbox.works ? nil : .unavailable))
    let plain = Record(
      manifest: free.manifest, outputs: free.outputs, log: free.log, stage: "free", sources: [:])
    #expect(plain.key == free.key)

    let verdicts = try await workspace.engine().why(targets: ["free"]).map(\.verdict)
    #expect(verdicts == ["up to date; made without a sandbox, as its stage wants"])
    let made = kept.outputs[0].artefact.digest
    let lineage = try Lineage(of: made, in: workspace.store).json
    let maker = lineage["made_by"]?[free.outputs[0].artefact.digest.description]
    #expect(maker?["sandbox"] == "declined")
    if TestSandbox.works {
      #expect(lineage["made_by"]?[made.description]?["sandbox"] == nil)
      #expect(try workspace.store.stagesInDoubt(behind: [made]) == ["free"])
      let own = try record("own", in: workspace).outputs[0].artefact.digest
      #expect(try workspace.store.stagesInDoubt(behind: [own]) == [])
    }
  }

  /// Writes the stages that ran without a sandbox.
  private struct Tell: Actions.Operation {
    let name = "test.tell"
    let revision = 1
    let summary = "For tests."
    let tellsHowStagesRan = true
    let inputs = [InputDeclaration("x", help: "")]
    let parameters: [any ParameterDeclaration] = []
    let outputs = [OutputDeclaration("out", file: "o", help: "")]

    func run(_ context: OperationContext) async throws {
      try context.write(Array(context.marks.unsandboxed.joined(separator: " ").utf8), to: "out")
    }
  }

  @Test(.enabled(if: TestSandbox.works))
  func `An operation that tells of it has it in its key, and runs again when that changes`() async throws {
    let workspace = try Workspace(
      """
      stages:
        free: { run: "echo 1 > ${out.out}", sandbox: false, out: { out: o.txt } }
        tell: { op: test.tell, in: { x: free } }
      """, operations: [Tell()])
    let summary = try await workspace.run(["tell"])
    #expect(try workspace.output("tell", of: summary) == "free")
    #expect(try record("tell", in: workspace).manifest["without-sandbox"] == ["free"])

    let text = String(decoding: workspace.folder.read("brake.yaml")!, as: UTF8.self)
    workspace.folder.write(text.replacing("sandbox: false, ", with: ""), to: "brake.yaml")
    let again = try await workspace.run(["tell"])
    #expect(again.ran == 2)
    #expect(try workspace.output("tell", of: again) == "")
  }

  @Test(.enabled(if: TestSandbox.works))
  func `A remembered run notices that a stage far behind has lost its sandbox`() async throws {
    let workspace = try Workspace(
      """
      stages:
        free: { run: "echo 1 > ${out.out}", out: { out: o.txt } }
        kept: { run: "cat ${in.f} > ${out.out}; echo 2 >> ${out.out}", in: { f: free }, out: { out: o.txt } }
        tell: { op: test.tell, in: { x: kept } }
      """, operations: [Tell()])
    let memory = workspace.memory
    let first = try await workspace.engine().run(targets: [], memory: memory)
    #expect(try workspace.output("tell", of: first) == "" && memory.recall() != nil)
    // As where it is made anew and there is no sandbox any more.
    let free = try record("free", in: workspace)
    let publication = workspace.store.publication()
    try publication.add(
      record: Record(
        manifest: free.manifest, outputs: free.outputs, log: free.log, stage: "free", sources: [:],
        doubt: .unavailable))
    try publication.commit()
    let later = workspace.memory
    #expect(later.recall() == nil)
    let summary = try await workspace.engine().run(targets: [], memory: later)
    #expect(try workspace.output("tell", of: summary) == "free")
  }

  @Test(.enabled(if: TestSandbox.works))
  func `Where another action made the same bytes in a sandbox there is no doubt`() async throws {
    let workspace = try Workspace(
      DoubtTests.pipeline + "\n  same: { run: \"printf '%s\\\\n' 1 > ${out.out}\", out: { out: o.txt } }\n")
    #expect(try await workspace.run(["free", "same"]).failed == 0)
    let free = try record("free", in: workspace).outputs[0].artefact
    #expect(try record("same", in: workspace).outputs[0].artefact == free)
    #expect(try workspace.store.stagesInDoubt(behind: [free.digest]) == [])
  }
}
