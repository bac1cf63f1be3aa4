import Artefacts
import Foundation
import Support
import System
import Testing

@Suite struct StoreTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"]) } }

  @Test func `Opening a store writes nothing`() throws {
    _ = try store
    #expect(!FileManager.default.fileExists(atPath: folder["store"]))
  }

  @Test(arguments: [("brake store 4\n", Failure.Code.newer), ("PNG", .refused)])
  func `A store of an unknown format is refused`(format: String, code: Failure.Code) throws {
    folder.write(format, to: "store/format")
    let error = #expect(throws: Failure.self) { try store }
    #expect(error?.code == code)
  }

  @Test(arguments: [0, 1, 2, 7, 1000, 1 << 20, 1 << 20 + 1, 5 << 20 - 3])
  func `What is put comes back under the digest that sha256sum prints`(size: Int) throws {
    let bytes = mixed(size)
    let path = folder.write(bytes, to: "file")
    let publication = try store.publication()
    let artefact = try publication.add(path: path)
    try publication.commit()

    #expect(artefact == Artefact(digest: Digest(of: bytes), kind: .blob, size: size))
    #expect(try store.artefact(artefact.digest) == artefact)
    #expect(try store.bytes(of: artefact.digest) == bytes)
    try store.restore(artefact.digest, to: folder["back"])
    #expect(folder.read("back") == bytes)
    #expect(try store.objects() == [artefact.digest])
  }

  @Test func `Bytes and a file of the same content are one object`() throws {
    let path = folder.write("the same", to: "file")
    let publication = try store.publication()
    #expect(try publication.add(path: path) == publication.add(bytes: Array("the same".utf8)))
    try publication.commit()
    #expect(try store.objects().count == 1)
    #expect(try leftovers().isEmpty)
  }

  @Test func `Nothing can be seen before commit, and nothing is left after abandon`() throws {
    let publication = try store.publication()
    let artefact = try publication.add(bytes: [1, 2, 3])
    #expect(try !store.contains(artefact.digest))
    publication.abandon()
    try publication.commit()
    #expect(try !store.contains(artefact.digest))
    #expect(try leftovers().isEmpty)
  }

  @Test func `A publication that is dropped leaves nothing`() throws {
    _ = try store.publication().add(bytes: [1, 2, 3])
    #expect(try leftovers().isEmpty)
  }

  @Test func `Several publications are committed as one`() throws {
    let store = try store
    let publications = (0..<5).map { _ in store.publication() }
    let artefacts = try publications.enumerated().map { try $1.add(bytes: [UInt8($0 / 2)]) }
    try Publication.commit(publications)
    for artefact in artefacts { try store.verify(artefact.digest) }
    #expect(try store.objects().count == 3)
    #expect(try leftovers().isEmpty)
  }

  @Test func `Many tasks may store the same bytes at once`() async throws {
    let root = folder["store"]
    let bytes = mixed(200_000)
    try await withThrowingTaskGroup(of: Digest.self) { group in
      for index in 0..<8 {
        group.addTask {
          let publication = try Store(at: root).publication()
          _ = try publication.add(bytes: [UInt8(index)])
          let digest = try publication.add(bytes: bytes).digest
          try publication.commit()
          return digest
        }
      }
      for try await digest in group { #expect(digest == Digest(of: bytes)) }
    }
    #expect(try store.objects().count == 9)
    #expect(try store.bytes(of: Digest(of: bytes)) == bytes)
    #expect(try leftovers().isEmpty)
  }

  @Test func `More bytes than the limit are refused, not read`() throws {
    let digest = try store.put(mixed(1000))
    #expect(try store.bytes(of: digest, limit: 1000).count == 1000)
    let error = #expect(throws: Failure.self) { try store.bytes(of: digest, limit: 999) }
    #expect(error?.code == .refused)
  }

  @Test func `An object that is not there is not found`() throws {
    let error = #expect(throws: Failure.self) { try store.bytes(of: Digest(of: [])) }
    #expect(error?.code == .notFound)
  }

  @Test func `A unique prefix of eight digits names an object`() throws {
    let digest = try store.put([1, 2, 3])
    #expect(try store.resolve(String(digest.hex.prefix(8))) == digest)
    #expect(try store.resolve("sha256:" + digest.hex.prefix(20)) == digest)
    #expect(try store.resolve(digest.description) == digest)
    for (prefix, code) in [
      (String(digest.hex.prefix(7)), Failure.Code.ambiguous), ("../../..", .ambiguous),
      ("00000000", .notFound),
    ] {
      let error = #expect(throws: Failure.self) { try store.resolve(prefix) }
      #expect(error?.code == code)
    }
  }

  @Test func `A prefix that fits two objects is ambiguous`() throws {
    let digest = try store.put([1, 2, 3])
    let twin = folder["store"] + "/objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2).dropLast(4))0000"
    try Data().write(to: URL(fileURLWithPath: twin))
    let error = #expect(throws: Failure.self) { try store.resolve(String(digest.hex.prefix(30))) }
    #expect(error?.code == .ambiguous)
    #expect(try store.resolve(digest.hex) == digest)
  }

  @Test func `A commit without anything does nothing`() throws {
    try store.publication().commit()
    try Publication.commit([])
    #expect(!FileManager.default.fileExists(atPath: folder["store"]))
  }

  func leftovers() throws -> [String] { folder.temporaries(of: "store") }
}

extension TemporaryFolder {
  /// What processes have in `tmp/` of a store, apart from their signs of life and what they rely on.
  func temporaries(of store: String) -> [String] {
    let files = FileManager.default
    let folder = self[store] + "/tmp"
    return ((try? files.contentsOfDirectory(atPath: folder)) ?? []).flatMap { process in
      ((try? files.contentsOfDirectory(atPath: folder + "/" + process)) ?? [process]).filter {
        !["alive", "relied"].contains($0)
      }
    }
  }
}

/// Bytes of which some compress and some do not.
func mixed(_ count: Int) -> [UInt8] {
  var state: UInt64 = 1
  return (0..<count).map { index in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return index / 4096 % 2 == 0 ? UInt8(state >> 56) : UInt8(index / 100 % 256)
  }
}
