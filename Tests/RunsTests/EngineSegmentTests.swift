import Actions
import Artefacts
import Foundation
import JSON
import Support
import Testing

@testable import Pipeline
@testable import Runs

/// Runs of so many small actions that their results stand in segments.
@Suite struct EngineSegmentTests {
  private static let count = 100

  private let pipeline = """
    stages:
      s:
        for: { n: [\((0..<EngineSegmentTests.count).map { "\($0)" }.joined(separator: ", "))] }
        op: text.repeat
        in: { text: source.txt }
        with: { separator: "-${n}-" }
        publish: out/${n}.txt
    """

  private func workspace() async throws -> Workspace {
    let workspace = try Workspace(pipeline, files: ["source.txt": "x"])
    var options = RunOptions()
    options.jobs = 1
    let summary = try await workspace.run([], [], options: options)
    #expect((summary.ran, summary.failed) == (EngineSegmentTests.count, 0))
    #expect(!segments(workspace).isEmpty)
    return workspace
  }

  private func segments(_ workspace: Workspace) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/segments"])) ?? [])
      .filter { $0 != "replaced" }.map { workspace.folder["cache/segments/" + $0] }
  }

  private func check(_ workspace: Workspace) throws {
    for number in 0..<EngineSegmentTests.count {
      #expect(workspace.text("out/\(number).txt") == "x-\(number)-x")
    }
    let store = try Store(at: workspace.folder["cache"])
    for digest in try store.objects() { _ = try store.verifyAlone(digest) }
    let records = try store.records(damaged: { Issue.record($0) })
    #expect(records.count == EngineSegmentTests.count)
    for record in records { #expect(try store.losses(of: record).isEmpty) }
  }

  @Test func `What is in segments is found by the next run, and restored`() async throws {
    let workspace = try await workspace()
    try check(workspace)
    try FileManager.default.removeItem(atPath: workspace.folder["out"])
    let summary = try await workspace.run()
    #expect((summary.ran, summary.hit) == (0, EngineSegmentTests.count))
    try check(workspace)
  }

  @Test func `A segment that is gone is made good by running what was in it`() async throws {
    let workspace = try await workspace()
    for path in segments(workspace) { try FileManager.default.removeItem(atPath: path) }
    let summary = try await workspace.run()
    #expect(summary.ran > 0 && summary.failed == 0)
    try check(workspace)
    #expect(try await workspace.run().ran == 0)
  }

  @Test(arguments: [70, 2000])
  func `Damaged entries are found when they are published, and made again`(place: Int) async throws {
    let workspace = try await workspace()
    let path = try #require(segments(workspace).first)
    var bytes = [UInt8](FileManager.default.contents(atPath: path)!)
    bytes[min(place, bytes.count - 100)] ^= 0xFF
    try FileManager.default.removeItem(atPath: path)
    #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
    try FileManager.default.removeItem(atPath: workspace.folder["out"])
    let summary = try await workspace.run()
    #expect(summary.ran > 0 && summary.ran < EngineSegmentTests.count && summary.failed == 0)
    try check(workspace)
    #expect(try await workspace.run().ran == 0)
  }

  @Test func `A run that is remembered notices what becomes of a segment, and of what replaces its records`()
    async throws
  {
    let workspace = try await workspace()
    for _ in 0..<3 where workspace.recall() == nil {
      usleep(30_000)
      _ = try await workspace.engine().run(targets: [], memory: workspace.memory)
    }
    #expect(workspace.recall() != nil)
    let own = segments(workspace)
    // Another run in the same store adds results.
    addOthers(workspace)
    #expect(workspace.recall() != nil)

    let replaced = workspace.folder["cache/segments/replaced"]
    let marker = FileManager.default.contents(atPath: replaced)
    workspace.folder.write("other\n", to: "cache/segments/replaced")
    #expect(workspace.recall() == nil)
    #expect(FileManager.default.createFile(atPath: replaced, contents: marker))
    #expect(workspace.recall() != nil)

    for path in own { try FileManager.default.removeItem(atPath: path) }
    #expect(workspace.recall() == nil)
  }

  private func addOthers(_ workspace: Workspace) {
    let publications = (0..<20).map { number in
      let publication = workspace.store.publication()
      let output = try! publication.add(bytes: Array("\(number)".utf8))
      try! publication.add(
        record: Record(
          manifest: ["number": .integer(Int64(number))], outputs: [.init(name: "o", artefact: output)],
          log: nil, stage: "s", sources: [:]))
      return publication
    }
    _ = try! Publication.commit(publications)
  }

  @Test func `When and where something was made is known of what is in segments, too`() async throws {
    let workspace = try await workspace()
    let makings = Makings(store: workspace.store)
    let records = try workspace.store.records(damaged: { Issue.record($0) })
    #expect(records.allSatisfy { makings.of($0.key) != nil })
  }
}
