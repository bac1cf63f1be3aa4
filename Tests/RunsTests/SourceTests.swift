import Artefacts
import Foundation
import JSON
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

/// A run beside which another store has what it needs.
@Suite struct SourceTests {
  private static let pipeline = """
    params: { n: 1, word: a }
    stages:
      first: { run: "echo ${word} > ${out.o}", out: { o: o.txt } }
      folder: { run: "mkdir d; cp ${in.i} d/one; echo two > d/two; mv d ${out.d}", in: { i: first }, out: { d: folder } }
      last: { run: "cat ${in.d}/one ${in.d}/two > ${out.o}; echo ${n} >> ${out.o}", in: { d: folder }, out: { o: o.txt }, publish: last.txt }
    """

  private let there: Workspace
  private let here: Workspace

  init() async throws {
    there = try Workspace(SourceTests.pipeline)
    here = try Workspace(SourceTests.pipeline)
    try await there.run()
  }

  private func run(
    _ overrides: [(name: String, value: String)] = [], sources: [any ArtefactSource]
  ) async throws -> (summary: RunSummary, events: Events) {
    let events = Events()
    let summary = try await here.engine(overrides, sources: sources).run(targets: []) { events.add($0) }
    return (summary, events)
  }

  @Test func `What another store has recorded is a hit, and only what is published is fetched`() async throws
  {
    let (summary, events) = try await run(sources: [there.store])
    #expect(summary.ran == 0 && summary.hit == 3 && summary.failures.isEmpty)
    #expect(here.text("last.txt") == "a\ntwo\n1\n")
    #expect(try here.store.objects().count == 1)
    #expect(events.ran == [])
  }

  @Test func `What was found elsewhere is recorded, so that the next run needs nobody for it`() async throws {
    _ = try await run(sources: [NamedStore(store: there.store)])
    let status = try await here.engine([]).status(targets: [])
    #expect(status.map(\.isBehind) == [false, false, false])
    #expect(status.map(\.place) == ["the lab", "the lab", nil])
    let again = try await run(sources: [])
    #expect(again.summary.hit == 3 && again.events.ran == [])
    #expect(try here.store.objects().count == 1)
    // What is not here is made again for who reads it.
    let other = try await run([("n", "2")], sources: [])
    #expect(other.summary.failures.isEmpty && here.text("last.txt") == "a\ntwo\n2\n")
    #expect(try await here.engine([]).status(targets: ["folder"]).map(\.place) == [nil, nil])
  }

  @Test func `What a stage reads is fetched before it runs, with all that a folder holds`() async throws {
    let (summary, events) = try await run([("n", "2")], sources: [there.store])
    #expect(events.ran == ["last"] && summary.failures.isEmpty)
    #expect(here.text("last.txt") == "a\ntwo\n2\n")
    let texts = events.all.compactMap { if case .progress("last", _, let text) = $0 { text } else { nil } }
    #expect(texts.contains("fetches what it reads"))
    // The folder, its two files, and what was made of them.
    #expect(try here.store.objects().count == 4)
  }

  @Test func `What turns out to be lost or damaged there is made again`() async throws {
    for isDamaged in [false, true] {
      for digest in try there.store.objects() {
        let path = there.object(digest)
        if isDamaged {
          try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
          try Data("no object".utf8).write(to: URL(fileURLWithPath: path))
        } else {
          try FileManager.default.removeItem(atPath: path)
        }
        let word = isDamaged ? "b" : "c"
        let (summary, _) = try await run([("n", "7"), ("word", "a")], sources: [there.store])
        #expect(summary.failures.isEmpty, "\(word)")
        #expect(here.text("last.txt") == "a\ntwo\n7\n")
        try FileManager.default.removeItem(atPath: here.folder["cache"])
        try? FileManager.default.removeItem(atPath: there.folder["cache"])
        try await there.run()
      }
    }
  }

  @Test func `Who does not answer stops nothing, and the next one is asked`() async throws {
    let (summary, _) = try await run(sources: [Silent(), there.store])
    #expect(summary.ran == 0 && summary.hit == 3)
    #expect(here.text("last.txt") == "a\ntwo\n1\n")
    let alone = try await run([("n", "3")], sources: [Silent()])
    #expect(alone.summary.failures.isEmpty && here.text("last.txt") == "a\ntwo\n3\n")
  }

  @Test(arguments: [Liar.Lie.otherBytes, .endless, .otherRecord, .nothing])
  func `Nothing wrong comes from who does not tell the truth`(lie: Liar.Lie) async throws {
    let (summary, _) = try await run([("n", "2")], sources: [Liar(store: there.store, lie: lie)])
    #expect(summary.failures.isEmpty)
    #expect(here.text("last.txt") == "a\ntwo\n2\n")
    for digest in try here.store.objects() { try here.store.verify(digest) }
    let temporary = try FileManager.default.subpathsOfDirectory(atPath: here.folder["cache/tmp"])
    #expect(temporary.filter { $0.contains("/") && !$0.hasSuffix("/lock") }.count < 4)
  }

  @Test func `Nothing is remembered that rests on another store`() async throws {
    let memory = RunMemory(
      text: SourceTests.pipeline, path: "brake.yaml", overrides: [], targets: [], root: here.folder.path,
      store: here.store, registry: here.registry)
    #expect(memory.recall() == nil)
    _ = try await here.engine(sources: [there.store]).run(targets: [], memory: memory)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: here.folder["cache/index"])) ?? []
    #expect(!names.contains { $0.hasPrefix("run-") })
  }
}

/// Never has an answer.
private struct Silent: ObjectSource, RecordSource {
  func present(among digests: [Digest]) async throws -> Set<Digest> { throw Failure(.system, "no route") }
  func read(_ digest: Digest, _ body: (UnsafeRawBufferPointer) throws -> Void) async throws {
    throw Failure(.system, "no route")
  }
  func records(for keys: [Digest]) async throws -> [Digest: Record] { throw Failure(.system, "no route") }
}

/// Says that it has everything, and gives something else.
struct Liar: ObjectSource, RecordSource {
  enum Lie { case otherBytes, endless, otherRecord, nothing }

  let store: Store
  let lie: Lie

  func present(among digests: [Digest]) async throws -> Set<Digest> { Set(digests) }

  func read(_ digest: Digest, _ body: (UnsafeRawBufferPointer) throws -> Void) async throws {
    let bytes = [UInt8](repeating: 120, count: 1 << 16)
    switch lie {
    case .otherBytes: try bytes[..<10].withUnsafeBytes { try body($0) }
    case .endless: while true { try bytes.withUnsafeBytes { try body($0) } }
    case .otherRecord: try await store.read(digest, body)
    case .nothing: return
    }
  }

  func records(for keys: [Digest]) async throws -> [Digest: Record] {
    let records = try await store.records(for: keys)
    guard lie == .otherRecord, let other = records.values.sorted(by: { $0.stage < $1.stage }).first else {
      return records
    }
    return Dictionary(uniqueKeysWithValues: keys.map { ($0, other) })
  }
}
