import Foundation
import JSON
import Support
import Synchronization
import System
import Testing

@testable import Artefacts

/// A place that is asked over a wire: it has what a store has, and counts the questions.
private final class Elsewhere: ObjectSource {
  let store: Store
  let questions = Mutex<[Int]>([])
  let reads = Mutex<[Digest]>([])

  init(_ store: Store) { self.store = store }

  func present(among digests: [Digest]) async throws -> Set<Digest> {
    questions.withLock { $0.append(digests.count) }
    return try await store.present(among: digests)
  }

  func read(_ digest: Digest, _ body: (UnsafeRawBufferPointer) throws -> Void) async throws {
    reads.withLock { $0.append(digest) }
    try await store.read(digest, body)
  }
}

@Suite struct ReachabilityTests {
  let folder = TemporaryFolder()
  let store: Store

  init() throws { store = try Store(at: folder["store"], files: .withoutSynchronising) }

  private func put(_ path: String) throws -> Artefact {
    let publication = store.publication()
    let artefact = try publication.add(path: folder[path])
    try publication.commit()
    return artefact
  }

  private func digest(_ text: String) -> Digest { Digest(of: Array(text.utf8)) }

  private func reachable(
    _ roots: [Artefact], batch: Int = 1000
  ) async throws -> (all: [Digest], lost: Set<Digest>, source: Elsewhere) {
    let source = Elsewhere(store)
    let found = Mutex<(all: [Digest], lost: Set<Digest>)>(([], []))
    try await source.forEachReachable(from: roots, batch: batch) { part in
      #expect(part.objects.count <= batch && !part.objects.isEmpty)
      found.withLock {
        $0.all += part.objects
        $0.lost.formUnion(part.lost)
      }
    }
    let (all, lost) = found.withLock { $0 }
    return (all, lost, source)
  }

  /// A folder with a folder of its own, and one that two folders share.
  private func makeTree() throws -> (tree: Artefact, objects: Set<Digest>) {
    for index in 0..<20 { folder.write("file \(index)", to: "tree/sub\(index % 2)/\(index)") }
    for name in ["left", "right"] { folder.write("shared", to: "tree/\(name)/deep/file") }
    let tree = try put("tree")
    var objects: Set<Digest> = [tree.digest, digest("shared")]
    objects.formUnion((0..<20).map { digest("file \($0)") })
    for entry in try store.tree(tree.digest).entries {
      objects.insert(entry.digest)
      for inner in try store.tree(entry.digest).entries { objects.insert(inner.digest) }
    }
    return (tree, objects)
  }

  @Test(arguments: [1, 2, 7, 1000])
  func `Everything at any depth is found, each tree is read once, in batches of any size`(batch: Int)
    async throws
  {
    let (tree, objects) = try makeTree()
    let (all, lost, source) = try await reachable([tree, tree], batch: batch)
    #expect(Set(all) == objects && lost.isEmpty)
    let reads = source.reads.withLock { $0 }
    #expect(Set(reads).count == reads.count)
    // Files are asked for and not read: the folder, two of its own, the one that stands in it twice, and that in it.
    #expect(reads.count == 5)
    // One question for each level.
    if batch == 1000 { #expect(source.questions.withLock { $0.count } == 4) }
  }

  @Test func `What is lost is named: files, folders, and what is no folder where one is promised`()
    async throws
  {
    let (tree, objects) = try makeTree()
    let sub = try #require(try store.tree(tree.digest).entries.first { $0.name == "sub0" }?.digest)
    for lost in [sub, digest("file 1")] {
      try FileManager.default.removeItem(atPath: store.objectPath(lost))
    }
    folder.write("no tree", to: "file")
    let file = try put("file")
    let (all, lost, _) = try await reachable(
      [
        tree, Artefact(digest: file.digest, kind: .tree, size: 7),
        Artefact(digest: digest("?"), kind: .blob, size: 0),
      ])
    #expect(lost == [sub, digest("file 1"), file.digest, digest("?")])
    #expect(Set(all).isSuperset(of: lost))
    // What only the lost folder names is not known.
    #expect(Set(all).isDisjoint(with: [digest("file 0")]) && objects.contains(digest("file 0")))
  }

  @Test func `A file whose bytes are a manifest is not looked into`() async throws {
    folder.write("hidden", to: "inner/file")
    let inner = try put("inner")
    try FileManager.default.removeItem(atPath: store.objectPath(digest("hidden")))
    folder.write(try store.bytes(of: inner.digest), to: "outer/manifest")
    let outer = try put("outer")
    let (all, lost, _) = try await reachable([outer])
    #expect(Set(all) == [outer.digest, inner.digest] && lost.isEmpty)
    #expect(try store.isWhole(outer))
  }

  @Test func `Records, their logs and references are the roots of a store`() async throws {
    let (tree, objects) = try makeTree()
    folder.write("a log", to: "log")
    folder.write("named", to: "named")
    let publication = store.publication()
    let log = try publication.add(path: folder["log"]).digest
    let record = Record(
      manifest: ["a": 1], outputs: [.init(name: "out", artefact: tree)], log: log, stage: "s", sources: [:])
    try publication.add(record: record)
    try publication.commit()
    try store.setReference("best", to: put("named").digest)
    try store.setReference("gone", to: digest("gone"))
    folder.write("nobody's", to: "other")
    _ = try put("other")

    var failures: [Failure] = []
    let (all, lost, _) = try await reachable(Array(store.roots { failures.append($0) }))
    #expect(Set(all) == objects.union([log, digest("named"), digest("gone")]))
    #expect(lost == [digest("gone")] && failures.isEmpty)
  }

  @Test func `A record that cannot be believed is told of, so that nothing is removed for its sake`() throws {
    try store.make()
    folder.write("no record", to: "store/actions/ab/" + String(repeating: "c", count: 62))
    folder.write("no reference", to: "store/refs/bad")
    var failures: [Failure] = []
    #expect(Array(try store.roots { failures.append($0) }).isEmpty)
    #expect(failures.map(\.code) == [.damaged, .damaged])
  }

  @Test func `Records are looked up in batches`() async throws {
    let publication = store.publication()
    let records = (0..<5).map {
      Record(manifest: ["n": .integer($0)], outputs: [], log: nil, stage: "s", sources: [:])
    }
    for record in records { try publication.add(record: record) }
    try publication.commit()
    let path = store.recordPath(records[0].key)
    try FileManager.default.removeItem(atPath: path)
    try Data("damaged".utf8).write(to: URL(fileURLWithPath: path))
    let found = try await store.records(for: records.map(\.key) + [digest("none")])
    #expect(found == Dictionary(uniqueKeysWithValues: records.dropFirst().map { ($0.key, $0) }))
  }
}
