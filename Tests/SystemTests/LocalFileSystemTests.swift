import Foundation
import Support
import Testing

@testable import System

@Suite struct LocalFileSystemTests {
  let folder = TemporaryFolder()
  let files = LocalFileSystem()

  private func text(_ name: String) -> String? {
    folder.read(name).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func `The kernel's own files are read, although they say that they are empty`() throws {
    let status = try #require(try files.contents(of: "/proc/self/status", limit: 1 << 16))
    #expect(String(decoding: status, as: UTF8.self).hasPrefix("Name:"))
    let error = #expect(throws: Failure.self) { try files.contents(of: "/proc/self/status", limit: 10) }
    #expect(error?.code == .refused)
  }

  @Test func `No more is read of a file than is expected, and nothing of what is none`() throws {
    let path = folder.write("0123456789", to: "file")
    #expect(try files.contents(of: path, limit: 10)?.count == 10)
    #expect(throws: Failure.self) { try files.contents(of: path, limit: 9) }
    #expect(try files.contents(of: folder["none"], limit: 9) == nil)
    #expect(throws: Failure.self) { try files.contents(of: folder.path, limit: 1000) }
    #expect(try files.end(of: path, limit: 3) == Array("789".utf8))
    #expect(try files.end(of: path, limit: 30)?.count == 10)
    #expect(try files.end(of: folder["none"], limit: 3) == nil)
  }

  @Test func `Links and times are made through the file system at hand`() throws {
    let path = folder.write("x", to: "file")
    try files.setModified(path, to: 1_000_000_000_000_000_001)
    try files.makeLink(folder["link"], to: "file")
    let stopped: any FileSystem = CrashingFileSystem(failingAt: 1, .stop)
    #expect(throws: Failure.self) { try stopped.setModified(path, to: 2_000_000_000) }
    #expect(throws: Failure.self) { try stopped.makeLink(folder["other"], to: "file") }
    #expect(try files.status(folder["link"])?.modified == 1_000_000_000_000_000_001)
    for time: Int64 in [-1, -1_000_000_000, -1_500_000_000, 0] {
      try files.setModified(path, to: time)
      #expect(try files.status(path)?.modified == time)
    }
    #expect(try files.entry(folder["other"]) == nil)
  }

  @Test func `A file is written anew, at its end or where it was, and never through a link`() throws {
    let path = folder["file"]
    try files.write(Array("one".utf8), to: path)
    try files.write(Array("+two".utf8), to: path, .appending)
    #expect(text("file") == "one+two")
    try files.write(Array("T".utf8), to: path, .changing)
    #expect(text("file") == "Tne+two")
    try files.write(Array("new".utf8), to: path)
    #expect(text("file") == "new")
    symlink(path, folder["link"])
    for writing in [Writing.replacing, .appending, .changing] {
      #expect(throws: Failure.self) { try files.write([1], to: folder["link"], writing) }
    }
    #expect(text("file") == "new")
  }

  @Test func `Nobody waits for a pipe`() throws {
    mkfifo(folder["pipe"], 0o600)
    #expect(throws: Failure.self) { try files.write([1], to: folder["pipe"]) }
    #expect(throws: Failure.self) { try files.contents(of: folder["pipe"], limit: 10) }
  }

  @Test func `Links are told from what they lead to`() throws {
    let path = folder.write("x", to: "sub/file")
    symlink("sub/file", folder["link"])
    symlink("nowhere", folder["dangling"])
    let real = try #require(try files.realPath(folder.path))
    #expect(try files.realPath(folder["link"]) == real + "/sub/file")
    #expect(try files.realPath(folder["dangling"]) == nil)
    #expect(try files.target(ofLink: folder["dangling"]) == "nowhere")
    #expect(try files.target(ofLink: path) == nil)
    #expect(try files.entry(folder["link"])?.isLink == true)
    #expect(try files.status(folder["link"])?.isFile == true)
    #expect(throws: Failure.self) { _ = try InputFile(folder["link"], followingLinks: false, files: files) }
  }

  @Test func `A second name is given once, and two names can change places`() throws {
    let first = folder.write("first", to: "first")
    folder.write("second", to: "second")
    #expect(try files.link(first, to: folder["third"]))
    #expect(try !files.link(first, to: folder["second"]))
    #expect(try files.status(first)?.inode == files.status(folder["third"])?.inode)
    if try files.exchange(first, with: folder["second"]) {
      #expect(text("first") == "second" && text("second") == "first" && text("third") == "first")
    }
  }

  @Test func `Room that a file takes is no difference between two looks at it`() throws {
    let file = try files.create(folder["file"], mode: 0o600)
    defer { try? files.close(file, path: "file") }
    try files.resize(file, to: 100_000, path: "file")
    let empty = try files.status(of: file, path: "file")
    #expect(!empty.takesRoom && empty.size == 100_000)
    try [UInt8](repeating: 1, count: 5000).withUnsafeBytes { try files.write($0, to: file, path: "file") }
    try files.synchronise(folder["file"])
    #expect(try files.status(of: file, path: "file").takesRoom)
  }

  @Test func `A part of a file is copied, as far as the file reaches`() throws {
    let path = folder.write("0123456789", to: "file")
    let file = try InputFile(path, files: files)
    try files.copy(2..<5, of: file, to: folder["copy"], mode: 0o600)
    try files.append(8..<20, of: file, to: folder["copy"])
    #expect(text("copy") == "23489")
    #expect(throws: Failure.self) { try files.copy(0..<1, of: file, to: path, mode: 0o600) }
  }

  @Test func `A lock is seen by whoever opens the file`() throws {
    let path = folder.write("x", to: "file")
    let owner = try files.open(path, toWrite: .changing)
    #expect(FileLock.take(owner))
    #expect(try InputFile(path, files: files).isLocked)
    try files.close(owner, path: path)
    #expect(try !InputFile(path, files: files).isLocked)
  }

  @Test func `What a failure comes from is found through what it was told as`() {
    let inner = Failure.system("write", "/a", ENOSPC)
    let outer = Failure(.refused, "no", facts: [("what", "it\nis")], hint: "wait", cause: inner)
    #expect(inner.errno == ENOSPC && outer.errno == ENOSPC)
    #expect(inner.hint != nil && !inner.headline.contains(inner.hint!))
    #expect("\(outer)" == "no\n  what  it\\nis\n  hint: wait")
  }
}
