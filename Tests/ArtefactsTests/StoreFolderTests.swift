import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

@Suite struct StoreFolderTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  private func put(_ text: String) throws -> Digest {
    let publication = try store.publication()
    let digest = try publication.add(bytes: Array(text.utf8)).digest
    try publication.commit()
    return digest
  }

  @Test(arguments: ["tmp/thesis/data", "notes.txt", "objects/ab/cd", "format.txt", ".git/config"])
  func `A folder that holds anything of others never becomes a store`(file: String) throws {
    folder.write("precious", to: "store/" + file)
    let error = #expect(throws: Failure.self) { try store }
    #expect(error?.code == .refused)
    #expect(error?.headline.contains(file.prefix { $0 != "/" }) == true)
    #expect(error?.hint?.contains("--store") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["store"]).count == 1)

    // Nor if it came to hold them since the store was opened.
    let late = try Store(at: folder["late"], files: .withoutSynchronising)
    folder.write("precious", to: "late/" + file)
    #expect(throws: Failure.self) { try late.publication().add(bytes: [1]) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["late"]).count == 1)
  }

  @Test func `A folder with a README, or whose making was interrupted, becomes one`() throws {
    folder.write("about", to: "store/README.md")
    folder.write("", to: "store/.gitkeep")
    folder.write("bra", to: "store/format." + ProcessFolder.randomName())
    folder.write("bra", to: "store/tmp/\(ProcessFolder.randomName())/format")
    let digest = try put("text")
    #expect(try store.contains(digest))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder["store"]).sorted()
    #expect(names == [".gitkeep", "README.md", "format", "objects", "tmp"])
  }

  @Test func `Many processes may make one store at once`() async throws {
    let root = folder["store"]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<16 {
        group.addTask {
          let publication = try Store(at: root).publication()
          _ = try publication.add(bytes: [UInt8(index)])
          try publication.commit()
        }
      }
      try await group.waitForAll()
    }
    #expect(try store.objects().count == 16)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: root).sorted() == ["format", "objects", "tmp"])
  }

  @Test(arguments: [
    "actions", "failed", "index", "index/runs", "leases", "objects", "quarantine", "refs", "tmp",
  ])
  func `A store with a link in the place of a folder is refused, and the link not followed`(part: String)
    throws
  {
    _ = try put("text")
    folder.write("precious", to: "victim/data")
    try? FileManager.default.removeItem(atPath: folder["store/" + part])
    mkdir(folder["store/index"], 0o755)
    if part == "index" { rmdir(folder["store/index"]) }
    symlink(folder["victim"], folder["store/" + part])
    let error = #expect(throws: Failure.self) { try store }
    #expect(error?.code == .refused)
    #expect(error?.headline.contains(part) == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["victim"]) == ["data"])
  }

  @Test func `Nothing is written, moved or removed through a link deeper in a store`() throws {
    let digest = try put("text")
    mkdir(folder["victim"], 0o755)
    let links = ["refs/sub", "objects/\(Digest(of: [7]).hex.prefix(2))", "index/files"]
    for path in links {
      mkdir((folder["store/" + path] as NSString).deletingLastPathComponent, 0o755)
      symlink("../../victim" + (path == "index/files" ? "/file" : ""), folder["store/" + path])
    }
    #expect(throws: Failure.self) { try store.setReference("sub/name", to: digest) }
    #expect(throws: Failure.self) { try store.removeReference("sub/name") }
    #expect(throws: Failure.self) { try store.reference("sub/name") }
    #expect(throws: Failure.self) { try put(bytes: [7]) }
    let source = folder.write("source", to: "source")
    usleep(40_000)
    let cache = StatCache(store: try store)
    _ = try cache.artefact(at: source)
    try? cache.save()
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["victim"]) == [])

    // A damaged object behind a link stays where it is.
    folder.write("no object", to: "victim/" + Digest(of: [7]).hex.dropFirst(2))
    #expect(throws: Failure.self) { try store.bytes(of: Digest(of: [7])) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["victim"]).count == 1)
    #expect(try store.references() == [])
  }

  @Test func `Nothing is read through a link in the place of a folder of objects or records`() throws {
    let digest = try put("text")
    let record = Record(manifest: ["a": 1], outputs: [], log: nil, stage: "s", sources: [:])
    let publication = try store.publication()
    try publication.add(record: record)
    try publication.commit()
    let folders = ["objects/\(digest.hex.prefix(2))", "actions/\(record.key.hex.prefix(2))"]
    for path in folders {
      let elsewhere = folder[path.replacing("/", with: "-")]
      try FileManager.default.moveItem(atPath: folder["store/" + path], toPath: elsewhere)
      symlink(elsewhere, folder["store/" + path])
    }
    let store = try store
    for error in [
      #expect(throws: Failure.self, performing: { try store.bytes(of: digest) }),
      #expect(throws: Failure.self, performing: { try store.contains(digest) }),
      #expect(throws: Failure.self, performing: { try store.record(record.key) }),
    ] {
      #expect(error?.code == .refused && error?.headline.contains("link") == true)
    }
    #expect(try store.objects() == [] && store.records { _ in } == [])
  }

  @Test func `In a store that a group shares, all can write to every folder, whatever the umask`() throws {
    mkdir(folder["store"], 0o700)
    chmod(folder["store"], 0o2775)
    try store.setReference("a/b", to: put("text"))
    let folders = try #require(FileManager.default.subpathsOfDirectory(atPath: folder["store"]) as [String]?)
      .filter { !$0.hasPrefix("tmp/") }
      .filter { (try? LocalFileSystem().entry(folder["store/" + $0]))?.isFolder == true }
    #expect(Set(folders).isSuperset(of: ["objects", "refs", "refs/a", "tmp"]))
    for path in folders {
      let status = try #require(try LocalFileSystem().entry(folder["store/" + path]))
      #expect(status.isGroupWritable && status.givesGroup, "\(path)")
    }
  }

  private func put(bytes: [UInt8]) throws {
    let publication = try store.publication()
    _ = try publication.add(bytes: bytes)
    try publication.commit()
  }

  @Test func `References that link to their own folder end`() throws {
    try store.setReference("a/b", to: put("text"))
    symlink(".", folder["store/refs/a/loop"])
    #expect(try store.references() == ["a/b"])
  }
}
