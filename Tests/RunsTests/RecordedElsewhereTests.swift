import Actions
import Artefacts
import Support
import System
import Testing

@testable import Runs

/// What is recorded here of what another place has made, while runs go on.
@Suite struct RecordedElsewhereTests {
  private let workspace: Workspace

  init() throws {
    workspace = try Workspace(
      """
      stages:
        a: { run: "echo a > ${out.o}", out: { o: o.txt }, sandbox: false }
      """)
  }

  /// The record of the stage with other outputs.
  private func record(_ own: Record, _ text: String?) throws -> Record {
    let publication = workspace.store.publication()
    let outputs = try text.map {
      [Record.Output(name: "o", artefact: try publication.add(bytes: Array($0.utf8)))]
    }
    try publication.commit()
    return Record(manifest: own.manifest, outputs: outputs ?? [], log: nil, stage: own.stage, sources: [:])
  }

  private func replace(by record: Record) throws {
    let publication = workspace.store.publication()
    try publication.add(record: record, isReplacing: true)
    try publication.commit()
  }

  @Test func `A result of one's own that has come meanwhile stays`() async throws {
    try await workspace.run()
    let engine = try workspace.engine()
    let own = try #require(try engine.store.records { _ in }.first)
    try engine.record([try record(own, "theirs")], of: [:], [:], from: "there")
    #expect(try engine.store.record(own.key) == own)
    #expect(try engine.store.toldRecord(own.key) == nil)
  }

  @Test func `What does not count gives way, unless somebody makes it at this moment`() async throws {
    try await workspace.run()
    let engine = try workspace.engine()
    let action = try #require(try Survey(engine, targets: []).findings.first?.action)
    let own = try #require(try engine.store.record(action.key))
    let (bad, theirs) = (try record(own, nil), try record(own, "theirs"))
    try replace(by: bad)
    let right = try #require(try engine.leases.take(action.key))
    try engine.record([theirs], of: [action.key: action], [:], from: "there")
    #expect(try engine.store.record(action.key) == bad)
    right.release()
    try engine.record([theirs], of: [action.key: action], [:], from: "there")
    #expect(try engine.store.record(action.key) == theirs)
    #expect(try engine.leases.take(action.key) != nil, "the right is given back")
  }
}
