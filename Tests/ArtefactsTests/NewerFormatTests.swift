import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

/// Files of a later version, as a newer brake would write them into a store that both use.
@Suite struct NewerFormatTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  private func overwrite(_ path: String, _ bytes: [UInt8]) throws {
    try FileManager.default.removeItem(atPath: path)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  private func expectLeftAlone(_ path: String, _ bytes: [UInt8]) {
    #expect(FileManager.default.contents(atPath: path).map { [UInt8]($0) } == bytes)
    #expect(!FileManager.default.fileExists(atPath: folder["store/quarantine"]))
  }

  @Test(arguments: ["header", "footer"])
  func `An object of a later version is refused wherever it is met, and left as it is`(part: String) throws {
    let digest = try store.put([1, 2, 3])
    let path = try store.objectPath(digest)
    var bytes = try #require(folder.read("store/objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"))
    if part == "header" {
      bytes[13] = 2
    } else {
      let footer = try ObjectReader(InputFile(path, files: LocalFileSystem())).footer.bytes.count
      bytes[bytes.count - 23] = 2
      let check = Digest(of: Array(bytes[(bytes.count - footer)..<(bytes.count - 16)])).bytes.prefix(8)
      bytes.replaceSubrange(bytes.count - 16..<bytes.count - 8, with: check)
    }
    try overwrite(path, bytes)

    let store = try store
    let uses: [() throws -> Void] = [
      { _ = try store.bytes(of: digest) }, { _ = try store.artefact(digest) },
      { try store.verify(digest) }, { try store.restore(digest, to: folder["back"]) },
      { _ = try store.put([1, 2, 3]) },
    ]
    for use in uses {
      let error = #expect(throws: Failure.self, performing: use)
      #expect(error?.code == .newer)
      expectLeftAlone(path, bytes)
    }
  }

  @Test func `An object of a later version that comes between add and commit is not replaced`() throws {
    let publication = try store.publication()
    let digest = try publication.add(bytes: [1, 2, 3]).digest
    let other = try store.put([4])
    var bytes = try #require(folder.read("store/objects/\(other.hex.prefix(2))/\(other.hex.dropFirst(2))"))
    bytes[13] = 9
    folder.write(bytes, to: "store/objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))")
    let error = #expect(throws: Failure.self) { try publication.commit() }
    #expect(error?.code == .newer)
    expectLeftAlone(try store.objectPath(digest), bytes)
  }

  @Test func `A tree of a later version is refused and left as it is`() throws {
    let manifest = Array(#"{"brake":"tree 2","entries":[],"links":{}}"#.utf8)
    let blob = try store.put(manifest)
    let path = try store.objectPath(blob)
    let footer = try ObjectReader(InputFile(path, files: LocalFileSystem())).footer
    var bytes = try #require(FileManager.default.contents(atPath: path).map { [UInt8]($0) })
    // The newer brake knows that it is a tree.
    let tree = ObjectFooter(chunks: footer.chunks, digest: blob, kind: .tree, size: footer.size)
    bytes.replaceSubrange(bytes.count - footer.bytes.count..<bytes.count, with: tree.bytes)
    try overwrite(path, bytes)
    let store = try store
    for use in [
      { _ = try store.tree(blob) }, { try store.verify(blob) }, { try store.stream(blob) { _ in } },
    ] {
      let error = #expect(throws: Failure.self, performing: use)
      #expect(error?.code == .newer)
      expectLeftAlone(path, bytes)
    }
  }

  @Test(arguments: [true, false])
  func `A record of a later version is refused, not moved and not replaced`(summed: Bool) throws {
    let publication = try store.publication()
    let artefact = try publication.add(bytes: [1])
    let record = Record(
      manifest: ["a": 1], outputs: [.init(name: "o", artefact: artefact)], log: nil, stage: "s", sources: [:])
    try publication.add(record: record)
    try publication.commit()

    let path = try store.recordPath(record.key)
    let good = try #require(
      FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) })
    var text = String(good.dropLast(74)).replacing("record 1", with: "record 12")
    text += summed ? ",\"sum\":\"\(Digest(of: Array(text.utf8)).hex)\"}" : ",\"signature\":\"…\"}"
    try overwrite(path, Array(text.utf8))

    let error = #expect(throws: Failure.self) { try store.record(record.key) }
    #expect(error?.code == .newer)
    var reported: [Failure.Code] = []
    #expect(try store.records { reported.append($0.code) } == [])
    #expect(reported == [.newer])
    let again = try store.publication()
    try again.add(record: record)
    let refusal = #expect(throws: Failure.self) { try again.commit() }
    #expect(refusal?.code == .newer)
    expectLeftAlone(path, Array(text.utf8))
  }
}
