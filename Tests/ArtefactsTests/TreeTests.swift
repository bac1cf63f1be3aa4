import Foundation
import Support
import System
import Testing

@testable import Artefacts

@Suite struct TreeTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  func put(_ path: String) throws -> Artefact {
    let publication = try store.publication()
    let artefact = try publication.add(path: path)
    try publication.commit()
    return artefact
  }

  func put(text: String) throws -> Artefact {
    let publication = try store.publication()
    let artefact = try publication.add(bytes: Array(text.utf8))
    try publication.commit()
    return artefact
  }

  @Test func `A folder comes back with its files, modes and subfolders`() throws {
    folder.write("one", to: "tree/a")
    folder.write("two", to: "tree/sub/deep/é")
    folder.write("#!/bin/sh\n", to: "tree/run")
    chmod(folder["tree/run"], 0o755)
    mkdir(folder["tree/empty"], 0o755)
    let artefact = try put(folder["tree"])
    #expect(artefact.kind == .tree)
    #expect(artefact.size == 16)
    #expect(try store.artefact(artefact.digest) == artefact)

    try store.restore(artefact.digest, to: folder["back"])
    #expect(folder.read("back/a") == Array("one".utf8))
    #expect(folder.read("back/sub/deep/é") == Array("two".utf8))
    #expect(FileManager.default.isExecutableFile(atPath: folder["back/run"]))
    #expect(!FileManager.default.isExecutableFile(atPath: folder["back/a"]))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["back/empty"]) == [])
    #expect(try put(folder["back"]) == artefact)
  }

  @Test func `A tree's digest is that of its canonical manifest`() throws {
    folder.write("one", to: "tree/b")
    folder.write("", to: "tree/B")
    let artefact = try put(folder["tree"])
    let empty = Digest(of: [])
    let one = Digest(of: Array("one".utf8))
    let manifest =
      #"{"brake":"tree 1","entries":[{"digest":"\#(empty)","mode":"644","name":"B","size":0},"#
      + #"{"digest":"\#(one)","mode":"644","name":"b","size":3}]}"#
    #expect(artefact.digest == Digest(of: Array(manifest.utf8)))
    #expect(try store.bytes(of: artefact.digest) == Array(manifest.utf8))
    #expect(try put(text: manifest).kind == .tree)
  }

  @Test func `Links are kept as what they lead to`() throws {
    folder.write("text", to: "outside/file")
    mkdir(folder["tree"], 0o755)
    symlink(folder["outside/file"], folder["tree/link"])
    symlink("../outside", folder["tree/folder"])
    let artefact = try put(folder["tree"])
    try store.restore(artefact.digest, to: folder["back"])
    #expect(folder.read("back/link") == Array("text".utf8))
    #expect(folder.read("back/folder/file") == Array("text".utf8))
  }

  @Test(arguments: ["dangling", "cycle", "pipe", "name"])
  func `What cannot be kept is refused by name`(kind: String) throws {
    folder.write("text", to: "tree/file")
    switch kind {
    case "dangling": symlink("nowhere", folder["tree/dangling"])
    case "cycle": symlink("../tree", folder["tree/cycle"])
    case "pipe": mkfifo(folder["tree/pipe"], 0o644)
    default:
      let bytes = Array(folder["tree/name"].utf8CString.dropLast()) + [-1, 0]
      close(open(bytes, O_CREAT | O_WRONLY, 0o644))
    }
    let error = #expect(throws: Failure.self) { try put(folder["tree"]) }
    #expect(error?.code == .refused)
    #expect(error?.headline.contains(kind) == true)
    #expect(error.map { $0.hint != nil } == true)
  }

  @Test func `A path that is not there is not found`() throws {
    let error = #expect(throws: Failure.self) { try put(folder["nothing"]) }
    #expect(error?.code == .notFound)
  }

  static let digest = "sha256:" + String(repeating: "0", count: 64)

  @Test(arguments: [
    #"{"digest":"D","mode":"644","name":"../up","size":0}"#,
    #"{"digest":"D","mode":"644","name":"..","size":0}"#,
    #"{"digest":"D","mode":"644","name":".","size":0}"#, #"{"digest":"D","mode":"644","name":"","size":0}"#,
    #"{"digest":"D","mode":"644","name":"/etc/passwd","size":0}"#,
    #"{"digest":"D","mode":"644","name":"a\u0000","size":0}"#,
    #"{"digest":"D","mode":"777","name":"a","size":0}"#, #"{"digest":"D","mode":"644","name":"a","size":-1}"#,
    #"{"digest":"D","mode":"644","name":"a","size":0.5}"#,
    #"{"digest":"E","mode":"644","name":"a","size":0}"#,
    #"{"digest":"D","mode":"644","name":"a","size":0},{"digest":"D","mode":"644","name":"a","size":0}"#,
    #"{"digest":"D","mode":"644","name":"b","size":0},{"digest":"D","mode":"644","name":"a","size":0}"#,
    #"{"digest":"D","mode":"644","name":"a","size":0,"extra":1}"#,
    #"{"mode":"644","digest":"D","name":"a","size":0}"#,
    #"{"digest":"D","mode":"644","name":"a","size":9000000000000000000},{"digest":"D","mode":"644","name":"b","size":9000000000000000000}"#,
  ])
  func `Bytes that are nearly a manifest are a blob`(entries: String) throws {
    let text =
      #"{"brake":"tree 1","entries":["# + entries.replacing("\"D\"", with: "\"\(TreeTests.digest)\"") + "]}"
    #expect(throws: Failure.self) { try Tree(manifest: Array(text.utf8)) }
    let artefact = try put(text: text)
    #expect(artefact.kind == .blob)
    try store.restore(artefact.digest, to: folder["back"])
    #expect(folder.read("back") == Array(text.utf8))
  }

  @Test func `A tree that unfolds to more files than can be meant is refused before anything is written`()
    throws
  {
    var artefact = try put(text: "x")
    for level in 0..<40 {
      let mode: Tree.Mode = level == 0 ? .file : .tree
      let entries = ["a", "b"].map {
        Tree.Entry(name: $0, mode: mode, size: artefact.size, digest: artefact.digest)
      }
      artefact = try put(text: String(decoding: Tree(entries: entries).manifest, as: UTF8.self))
    }
    #expect(artefact.size == 1 << 40)
    let error = #expect(throws: Failure.self) { try store.restore(artefact.digest, to: folder["back"]) }
    #expect(error?.code == .refused)
    #expect(!FileManager.default.fileExists(atPath: folder["back"]))
    try store.verify(artefact.digest)
  }

  @Test func `A tree that lies about a size is refused`() throws {
    let file = try put(text: "x")
    let entry = Tree.Entry(name: "a", mode: .file, size: 2, digest: file.digest)
    let tree = try put(text: String(decoding: Tree(entries: [entry]).manifest, as: UTF8.self))
    let error = #expect(throws: Failure.self) { try store.restore(tree.digest, to: folder["back"]) }
    #expect(error?.code == .refused)
  }

  @Test func `Verifying a tree finds what is missing below it`() throws {
    folder.write("one", to: "tree/sub/a")
    let tree = try put(folder["tree"])
    try store.verify(tree.digest)
    try FileManager.default.removeItem(atPath: store.objectPath(Digest(of: Array("one".utf8))))
    let error = #expect(throws: Failure.self) { try store.verify(tree.digest) }
    #expect(error?.code == .notFound)
    #expect(throws: Failure.self) { try store.restore(tree.digest, to: folder["back"]) }
    #expect(!FileManager.default.fileExists(atPath: folder["back"]))
  }

  @Test func `A folder with files in it is not replaced, a file is`() throws {
    folder.write("old", to: "there/file")
    folder.write("new", to: "tree/file")
    let tree = try put(folder["tree"])
    let blob = try put(folder["tree/file"])
    for digest in [tree.digest, blob.digest] {
      let error = #expect(throws: Failure.self) { try store.restore(digest, to: folder["there"]) }
      #expect(error?.code == .refused)
    }
    #expect(folder.read("there/file") == Array("old".utf8))
    try store.restore(blob.digest, to: folder["there/file"])
    #expect(folder.read("there/file") == Array("new".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["there"]) == ["file"])
  }
}
