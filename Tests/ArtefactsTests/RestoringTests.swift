import Foundation
import Support
import System
import Testing

@testable import Artefacts

@Suite struct RestoringTests {
  let folder = TemporaryFolder()
  let store: Store

  init() throws { store = try Store(at: folder["store"], files: .withoutSynchronising) }

  private func put(_ path: String) throws -> Digest {
    let publication = store.publication()
    let digest = try publication.add(path: folder[path]).digest
    try publication.commit()
    return digest
  }

  private func names(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder[path]).sorted()
  }

  /// Another file system than that of the temporary folder, if there is one.
  private static let elsewhere: String? = {
    let shared = "/dev/shm"
    var here = stat()
    var there = stat()
    guard stat(NSTemporaryDirectory(), &here) == 0, stat(shared, &there) == 0, here.st_dev != there.st_dev,
      access(shared, W_OK) == 0
    else { return nil }
    return shared
  }()

  @Test(arguments: [1, 240, 255])
  func `A name may be as long as the file system allows`(length: Int) throws {
    folder.write("text", to: "tree/file")
    let name = String(repeating: "n", count: length)
    mkdir(folder["out"], 0o755)
    for path in ["tree/file", "tree"] {
      try store.restore(put(path), to: folder["out/" + name])
      #expect(try names("out") == [name])
      try FileManager.default.removeItem(atPath: folder["out/" + name])
    }
  }

  @Test
  func `Where the store cannot be written to, a copy is made beside its place and nothing else stays there`()
    throws
  {
    folder.write("text", to: "file")
    let digest = try put("file")
    mkdir(folder["out"], 0o2755)
    // As on another file system: a folder that gives its group is not used for others' files either.
    chmod(folder["store/tmp"], 0o2755)
    let store = try Store(at: folder["store"])
    var seen: String?
    try store.restore(digest, near: folder["out/name"]) { copy in
      seen = copy
      #expect(folder.read("file") == FileManager.default.contents(atPath: copy).map { [UInt8]($0) })
      rename(copy, folder["out/name"])
    }
    #expect(seen?.hasPrefix(folder["out/.brake-partial/"]) == true)
    #expect(try names("out") == ["name"])
    #expect(throws: Failure.self) {
      try store.restore(digest, near: folder["out/other"]) { _ in throw Failure(.refused, "no") }
    }
    #expect(try names("out") == ["name"])
  }

  @Test(.enabled(if: elsewhere != nil, "there is no second file system"))
  func `A copy on another file system leaves nothing beside it, and clears what the killed have left`() throws
  {
    folder.write("text", to: "tree/file")
    let tree = try put("tree")
    let other = try #require(RestoringTests.elsewhere) + "/brake-test-" + UUID().uuidString
    mkdir(other, 0o755)
    defer { try? FileManager.default.removeItem(atPath: other) }

    // Whoever is killed while it writes there lets go of its lock.
    let killed = other + "/.brake-partial/" + ProcessFolder.randomName()
    try FileManager.default.createDirectory(atPath: killed, withIntermediateDirectories: true)
    let alive = try LocalFileSystem().create(killed + "/alive", mode: 0o644)
    let status = try LocalFileSystem().status(of: alive, path: killed)
    let sign = LifeSign(status: status, isLocal: true).bytes(beat: 3)
    _ = sign.withUnsafeBytes { write(alive, $0.baseAddress, $0.count) }
    close(alive)
    try Data([1]).write(to: URL(fileURLWithPath: killed + "/1"))

    try store.restore(tree, to: other + "/out")
    #expect(try FileManager.default.contentsOfDirectory(atPath: other) == ["out"])
    #expect(try String(contentsOfFile: other + "/out/file", encoding: .utf8) == "text")
  }

  @Test func `Many may write to one place at once, and one whole copy is there in the end`() async throws {
    let contents = (0..<8).map { String(repeating: "\($0)", count: 3000) }
    let digests = try contents.enumerated().map { index, text in
      folder.write(text, to: "in/\(index)")
      return try put("in/\(index)")
    }
    mkdir(folder["out"], 0o755)
    chmod(folder["store/tmp"], 0o2755)
    let path = folder["out/file"]
    let root = folder["store"]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for digest in digests { group.addTask { try Store(at: root).restore(digest, to: path) } }
      try await group.waitForAll()
    }
    #expect(try names("out") == ["file"])
    #expect(contents.contains(String(decoding: try #require(folder.read("out/file")), as: UTF8.self)))
  }

  @Test func `A folder that is not there is named before anything is written`() throws {
    folder.write("text", to: "file")
    let error = #expect(throws: Failure.self) { try store.restore(put("file"), to: folder["no/file"]) }
    #expect(error?.headline.contains(folder["no"]) == true)
  }
}
