import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

@Suite struct WholenessTests {
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

  private func remove(_ digest: Digest) throws {
    try FileManager.default.removeItem(atPath: store.objectPath(digest))
  }

  private func damage(_ digest: Digest) throws {
    try remove(digest)
    try Data(repeating: 1, count: 200).write(to: URL(fileURLWithPath: store.objectPath(digest)))
  }

  @Test func `A tree is whole if all that it names at any depth is there`() throws {
    folder.write("one", to: "tree/sub/deep/a")
    folder.write("two", to: "tree/b")
    let tree = try put("tree")
    #expect(try store.isWhole(tree))
    for lost in ["one", "two"] {
      try remove(digest(lost))
      #expect(try Store(at: folder["store"]).firstLost(of: tree) == digest(lost))
      _ = try put("tree")
      #expect(try Store(at: folder["store"]).isWhole(tree))
    }
    let sub = try #require(try store.tree(tree.digest).entries.first { $0.mode == .tree }?.digest)
    try damage(sub)
    #expect(try Store(at: folder["store"]).firstLost(of: tree) == sub)
  }

  @Test func `A blob is whole if it is there, and no tree is where a record says so`() throws {
    folder.write("one", to: "a")
    let blob = try put("a")
    #expect(try store.isWhole(blob))
    #expect(try !store.isWhole(Artefact(digest: blob.digest, kind: .tree, size: 3)))
    try remove(blob.digest)
    #expect(try store.firstLost(of: blob) == blob.digest)
  }

  @Test func `That a tree was whole is forgotten once something of it is missed`() throws {
    folder.write("one", to: "tree/a")
    let tree = try put("tree")
    #expect(try store.isWhole(tree))
    try damage(digest("one"))
    #expect(throws: Failure.self) { try store.restore(tree.digest, to: folder["back"]) }
    #expect(try !store.isWhole(tree))
  }

  @Test(arguments: [true, false])
  func `The error says which member of which tree is missing or damaged`(damaged: Bool) throws {
    folder.write("one", to: "tree/sub/a")
    let tree = try put("tree")
    for use in [{ try store.restore(tree.digest, to: folder["back"]) }, { try store.verify(tree.digest) }] {
      if damaged { try? damage(digest("one")) } else { try? remove(digest("one")) }
      let error = #expect(throws: Failure.self, performing: use)
      #expect(error?.object == digest("one"))
      #expect(error?.tree == tree.digest)
      #expect(!FileManager.default.fileExists(atPath: folder["back"]))
      _ = try put("tree")
    }
  }

  @Test func `The losses of a record are its outputs and its log`() throws {
    folder.write("one", to: "tree/a")
    let tree = try put("tree")
    let publication = store.publication()
    let log = try publication.add(bytes: Array("log".utf8)).digest
    let blob = try publication.add(bytes: Array("blob".utf8))
    try publication.commit()
    let record = Record(
      manifest: [:], outputs: [.init(name: "t", artefact: tree), .init(name: "b", artefact: blob)], log: log,
      stage: "s", sources: [:])
    #expect(try store.losses(of: record) == [])
    for lost in [digest("one"), log, blob.digest] { try remove(lost) }
    let losses = try Store(at: folder["store"]).losses(of: record)
    #expect(losses.map(\.object) == [digest("one"), blob.digest, log])
    #expect(losses.map(\.output?.name) == ["t", "b", nil])
  }

  @Test func `A tree that was whole is not looked through again`() throws {
    for index in 0..<60 { folder.write("\(index)", to: "tree/\(index)/file") }
    let tree = try put("tree")
    #expect(try store.isWhole(tree))
    let files = CrashingFileSystem(failingAt: 3000, .stop)
    let store = try Store(at: folder["store"], files: files)
    for _ in 0..<1000 { #expect(try store.isWhole(tree)) }
    #expect(!files.wasReached, "a tree of 60 files costs three calls or more each time")
  }
}
