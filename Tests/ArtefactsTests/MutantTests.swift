import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

/// Spoilt files of a store: each is refused, or says what the sound one says. Never a crash, never another answer.
@Suite struct MutantTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  private func replace(_ path: String, with bytes: [UInt8]) throws {
    try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  private func contents(_ path: String) throws -> [UInt8] {
    [UInt8](try #require(FileManager.default.contents(atPath: path)))
  }

  @Test func `Objects`() throws {
    let store = try store
    let publication = store.publication()
    let bytes = [mixed(5000), Array("short".utf8)]
    let digests = try bytes.map { try publication.add(bytes: $0).digest }
    try publication.commit()
    for (bytes, digest) in zip(bytes, digests) {
      let path = store.objectPath(digest)
      let sound = try contents(path)
      let footer = try ObjectReader(InputFile(path, files: store.files)).footer.bytes.count
      func isRead(_ mutant: [UInt8]) throws -> Bool {
        try replace(path, with: mutant)
        #expect(try store.bytes(of: digest, limit: 1 << 20) == bytes)
        return true
      }
      Mutator.run("objects", on: [sound], tries: 2000, isRead)
      // Those whose footer is as it should be, but for what it says.
      Mutator.run("footers of objects", on: [Array(Array(sound.suffix(footer)).dropLast(16))], tries: 2000) {
        let check = Array(Digest(of: $0).bytes.prefix(8))
        return try isRead(Array(sound.dropLast(footer)) + $0 + check + ObjectFormat.endMark)
      }
    }
  }

  private let record = Record(
    manifest: ["operation": "make", "inputs": [["name": "a", "digest": "x"]]],
    outputs: [
      .init(name: "out", artefact: Artefact(digest: Digest(of: [1]), kind: .blob, size: 1)),
      .init(name: "out", key: "2", artefact: Artefact(digest: Digest(of: [2]), kind: .tree, size: 7)),
    ], log: Digest(of: [3]), stage: "make", sources: ["a": "b"])

  @Test func `Records`() throws {
    let store = try store
    let sound = RecordFile.bytes(record)
    func isRead(_ mutant: [UInt8]) throws -> Bool {
      try replace(store.recordPath(record.key), with: mutant)
      guard let read = try store.record(record.key) else { return false }
      #expect(read.key == record.key && read.fault == nil)
      return true
    }
    Mutator.run("records", on: [sound], tries: 3000, isRead)
    Mutator.run("records with a right sum", on: [Array(sound.dropLast(74))], tries: 3000) {
      try isRead($0 + Array(",\"sum\":\"\(Digest(of: $0).hex)\"}".utf8))
    }
  }

  @Test func `Trees`() throws {
    let entries = ["a", "b.txt", "é"].map {
      Tree.Entry(name: $0, mode: .file, size: 3, digest: Digest(of: Array($0.utf8)))
    }
    let sound = try Tree(entries: entries).manifest
    Mutator.run("trees", on: [sound], tries: 20_000) { mutant in
      let tree = try Tree(manifest: mutant)
      #expect(tree.manifest == mutant)
      return true
    }
  }

  @Test func `References`() throws {
    let store = try store
    let digest = Digest(of: [1])
    try store.setReference("name", to: digest)
    let sound = try contents(folder["store/refs/name"])
    Mutator.run("references", on: [sound], tries: 3000) { mutant in
      try replace(folder["store/refs/name"], with: mutant)
      return try store.reference("name") != nil
    }
    Mutator.run("names of references", on: ["a/b", "name"].map { Array($0.utf8) }, tries: 3000) { mutant in
      try store.reference(String(decoding: mutant, as: UTF8.self)) != nil
    }
  }

  @Test func `Indexes`() throws {
    let path = folder.write("source", to: "source")
    let artefact = Artefact(digest: Digest(of: Array("source".utf8)), kind: .blob, size: 6)
    Thread.sleep(forTimeInterval: 0.1)
    let cache = StatCache(store: try store)
    #expect(try cache.artefact(at: path) == artefact)
    try cache.save()
    let status = try #require(try LocalFileSystem().status(path))
    let sound = try contents(folder["store/index/files"])
    Mutator.run("stat cache", on: [sound + sound], tries: 5000) { mutant in
      try replace(folder["store/index/files"], with: mutant)
      guard let known = StatCache(store: try store).remembered(status) else { return false }
      #expect(known == artefact)
      return true
    }
  }
}
