import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

/// A store from somebody else, in which anything may stand: an answer or an error, never a crash, and nothing touched
/// that is not in the store.
@Suite struct HostileStoreTests {
  let folder = TemporaryFolder()

  private func publish() throws -> (record: Record, tree: Artefact) {
    folder.write("one", to: "source/a")
    folder.write("two", to: "source/sub/b")
    let store = try Store(at: folder["store"], files: .withoutSynchronising)
    let publication = store.publication()
    let tree = try publication.add(path: folder["source"])
    let blob = try publication.add(bytes: Array("blob".utf8))
    let record = Record(
      manifest: ["a": [1, "two", ["three": nil]]],
      outputs: [.init(name: "t", artefact: tree), .init(name: "k", key: "1", artefact: blob)],
      log: blob.digest,
      stage: "s", sources: [blob.digest.description: "file"])
    try publication.add(record: record)
    try publication.commit()
    try store.setReference("a/b", to: tree.digest)
    usleep(40_000)
    let cache = StatCache(store: store)
    _ = try cache.artefact(at: folder["source"])
    try cache.save()
    return (record, tree)
  }

  /// Looks at everything that there is. Errors are answers.
  private func use(_ tree: Artefact, _ record: Record, counting count: inout [String: Int]) {
    func attempt(_ name: String, _ body: () throws -> Void) {
      do {
        try body()
        count[name + " answered", default: 0] += 1
      } catch {
        #expect(error is Failure, "\(error)")
        count[name + " refused", default: 0] += 1
      }
    }
    let root = folder["store"]
    attempt("record") { _ = try Store(at: root).record(record.key) }
    attempt("records") { _ = try Store(at: root).records { _ in }.map { try Store(at: root).losses(of: $0) } }
    attempt("tree") { _ = try Store(at: root).verify(tree.digest) }
    attempt("restore") { try Store(at: root).restore(tree.digest, to: folder["out/tree"]) }
    attempt("references") {
      let store = try Store(at: root)
      for name in try store.references() { _ = try store.reference(name) }
    }
    attempt("index") { _ = try StatCache(store: Store(at: root)).artefact(at: folder["source"]) }
    attempt("put") {
      let publication = try Store(at: root, files: .withoutSynchronising).publication()
      _ = try publication.add(path: folder["source"])
      try publication.commit()
    }
    try? FileManager.default.removeItem(atPath: folder["out/tree"])
  }

  private func files(in path: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder[path]).filter {
      !FileManager.default.isDirectory(folder[path] + "/" + $0)
    }.sorted()
  }

  @Test func `A store with any file mutated is answered from or refused, and nothing outside it is touched`()
    throws
  {
    let (record, tree) = try publish()
    mkdir(folder["out"], 0o755)
    folder.write("precious", to: "victim/file")
    try FileManager.default.copyItem(atPath: folder["store"], toPath: folder["sound"])
    let names = try files(in: "sound").filter { !$0.hasPrefix("tmp/") }
    var generator = Seeded(state: 7)
    var count: [String: Int] = [:]
    let mutants = 300
    for number in 0..<mutants {
      let name = names[number % names.count]
      let path = folder["store/" + name]
      var bytes = try #require(folder.read("sound/" + name))
      mutate(&bytes, number / names.count, &generator)
      try? FileManager.default.removeItem(atPath: path)
      folder.write(bytes, to: "store/" + name)
      use(tree, record, counting: &count)
      // Whatever was moved or mended, the next starts from what was sound.
      try? FileManager.default.removeItem(atPath: folder["store/quarantine"])
      for name in names {
        guard folder.read("store/" + name) != folder.read("sound/" + name) else { continue }
        try? FileManager.default.removeItem(atPath: folder["store/" + name])
        folder.write(try #require(folder.read("sound/" + name)), to: "store/" + name)
      }
    }
    print(
      "hostile stores: \(mutants) mutants, "
        + count.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    #expect(try files(in: "victim") == ["file"])
    #expect(try files(in: "out") == [])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "out", "sound", "source", "store", "victim",
      ])
  }

  private func mutate(_ bytes: inout [UInt8], _ round: Int, _ generator: inout Seeded) {
    guard !bytes.isEmpty else { return bytes.append(UInt8.random(in: 0...255, using: &generator)) }
    switch round % 6 {
    case 0: bytes = []
    case 1: bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
    case 2: bytes += bytes
    case 3:
      bytes.insert(
        UInt8.random(in: 0...255, using: &generator), at: bytes.indices.randomElement(using: &generator)!)
    default:
      for _ in 0...round {
        bytes[bytes.indices.randomElement(using: &generator)!] = .random(in: 0...255, using: &generator)
      }
    }
  }

  static let hostile = [
    "../../victim/file", "..", "/etc/passwd", "a/b", "\u{1B}[2J", String(repeating: "x", count: 300),
  ]

  @Test(arguments: hostile)
  func `A tree with a hostile name, in an object whose digest is right, writes nothing`(name: String) throws {
    _ = try publish()
    folder.write("precious", to: "victim/file")
    let store = try Store(at: folder["store"], files: .withoutSynchronising)
    let good = try Tree(entries: [
      Tree.Entry(name: "NAME", mode: .file, size: 3, digest: Digest(of: Array("one".utf8)))
    ])
    let text = String(decoding: good.manifest, as: UTF8.self)
    let escaped = String(decoding: JSON.string(name).canonicalBytes, as: UTF8.self)
    let publication = store.publication()
    let hostile = try publication.add(bytes: Array(text.replacing("\"NAME\"", with: escaped).utf8))
    try publication.commit()
    #expect(hostile.kind == .blob)
    // The same with a footer that calls it a tree.
    let path = store.objectPath(hostile.digest)
    let footer = try ObjectReader(InputFile(path, files: LocalFileSystem())).footer
    var bytes = try #require(FileManager.default.contents(atPath: path).map { [UInt8]($0) })
    bytes.removeLast(footer.bytes.count)
    bytes += ObjectFooter(chunks: footer.chunks, digest: footer.digest, kind: .tree, size: footer.size).bytes
    try FileManager.default.removeItem(atPath: path)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(throws: Failure.self) { try store.restore(hostile.digest, to: folder["out/tree"]) }
    #expect(throws: Failure.self) { try store.verify(hostile.digest) }
    #expect(try !store.isWhole(Artefact(digest: hostile.digest, kind: .tree, size: 3)))
    #expect(folder.read("victim/file") == Array("precious".utf8))
    #expect(!FileManager.default.fileExists(atPath: folder["out"]))
  }
}

/// The same numbers every time.
private struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 31
  }
}

extension FileManager {
  fileprivate func isDirectory(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }
}
