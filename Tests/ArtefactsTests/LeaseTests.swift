import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

/// Looks at times that the test says.
private final class Observer {
  private var watch: LeaseWatch

  init(_ watch: LeaseWatch) { self.watch = watch }

  func isFree(at second: Int) -> Bool { watch.isFree(at: .seconds(second)) }

  func isFree(after seconds: Int) -> Bool { (0...seconds).contains { isFree(at: $0) } }
}

@Suite struct LeaseTests {
  private let folder = TemporaryFolder()
  private let key = Digest(of: Array("action".utf8))
  private let stranger = "0123456789abcdef0123456789abcdef"

  init() throws { try Store(at: folder["store"]).make() }

  private func leases() throws -> Leases { Leases(of: try Store(at: folder["store"])) }
  private var name: String { "store/leases/\(key.hex)" }
  private var path: String { folder[name] }
  private var entries: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

  /// The lease of a process of another machine, whose lock says nothing here.
  private func writeLease(beat: Int) {
    let digits = String(beat)
    folder.write(
      "brake 1 remote 1 2\n" + String(repeating: "0", count: 20 - digits.count) + digits + "\n",
      to: name + "/" + stranger)
  }

  @Test func `What a network file system keeps of a removed file is in nobody's way`() throws {
    folder.write("open elsewhere", to: name + "/.fuse_hidden0000000100000001")
    let lease = try #require(try leases().take(key))
    #expect(entries.count == 1)
    #expect(try leases().take(key) == nil)
    lease.release()
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `One of two has the right, until it lets go`() throws {
    let (one, other) = (try leases(), try leases())
    let lease = try #require(try one.take(key))
    #expect(try other.take(key) == nil)
    let watch = Observer(other.watch(key))
    #expect(!watch.isFree(at: 0))
    lease.release()
    #expect(watch.isFree(at: 1))
    #expect(try other.take(key) != nil)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `A lease goes with its owner`() throws {
    let other = try leases()
    do {
      let lease = try leases().take(key)
      #expect(try other.take(key) == nil)
      withExtendedLifetime(lease) {}
    }
    #expect(try other.take(key) != nil)
  }

  @Test func `A dead owner's lease is free at once`() throws {
    // What a killed process leaves: a file that says which one it is, and whose lock nobody holds.
    writeLease(beat: 1)
    var status = stat()
    stat(path + "/" + stranger, &status)
    let handle = try #require(FileHandle(forWritingAtPath: path + "/" + stranger))
    try handle.write(
      contentsOf: Data("brake 1 local \(status.st_dev) \(status.st_ino)\n00000000000000000001\n".utf8))
    try handle.close()
    #expect(Observer(try leases().watch(key)).isFree(at: 0))
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `An owner that shows no sign of life for long loses the right, one that does keeps it`() throws {
    writeLease(beat: 1)
    let watch = Observer(try leases().watch(key))
    #expect(!watch.isFree(after: 14))
    #expect(watch.isFree(at: 15))
    #expect(!FileManager.default.fileExists(atPath: path))

    writeLease(beat: 1)
    let other = Observer(try leases().watch(key))
    for second in 0..<60 {
      #expect(!other.isFree(at: second))
      if second % 5 == 0 { writeLease(beat: 100 + second) }
    }
  }

  @Test func `An observer that was stopped itself has learnt nothing meanwhile`() throws {
    writeLease(beat: 1)
    let watch = Observer(try leases().watch(key))
    #expect(!watch.isFree(at: 0))
    #expect(!watch.isFree(at: 100_000))
    #expect(!watch.isFree(at: 50_000))
  }

  @Test func `Who was taken for dead does not take the right back by letting go`() throws {
    let late = try #require(try leases().take(key))
    // What an observer does who has seen it dead for long.
    try FileManager.default.removeItem(atPath: path)
    let other = try leases()
    let lease = try #require(try other.take(key))
    late.tell(["stage": "late"])
    late.release()
    #expect(try leases().take(key) == nil)
    #expect(entries.count == 1)
    lease.release()
    #expect(try leases().take(key) != nil)
  }

  @Test func `What owners that died on the way left behind is in nobody's way`() throws {
    // Between removing its file and the folder; with and without what it had told.
    for leftover in [nil, stranger + ".about"] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      if let leftover { folder.write("{}", to: name + "/" + leftover) }
      let watch = Observer(try leases().watch(key))
      #expect(watch.isFree(at: 0))
      let lease = try #require(try leases().take(key))
      #expect(entries.count == 1)
      lease.release()
      #expect(!FileManager.default.fileExists(atPath: path))
    }
    // Also if nobody looked before.
    folder.write("{}", to: name + "/" + stranger + ".about")
    #expect(try leases().take(key) != nil)
  }

  @Test func `Those who wait are told what goes on`() throws {
    let (one, other) = (try leases(), try leases())
    #expect(other.about(key) == nil)
    let lease = try #require(try one.take(key))
    #expect(other.about(key) == [:])
    lease.tell(["host": "a", "seconds": 3])
    #expect(other.about(key) == ["host": "a", "seconds": 3])
    lease.tell(["host": "a"])
    #expect(other.about(key) == ["host": "a"])
    folder.write("no JSON", to: name + "/" + entries.first { $0.hasSuffix(".about") }!)
    #expect(other.about(key) == [:])
    lease.release()
    #expect(other.about(key) == nil)
    lease.tell(["host": "late"])
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `Links are not followed`() throws {
    let elsewhere = folder["elsewhere"]
    try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
    folder.write("x", to: "elsewhere/" + stranger)
    try FileManager.default.createDirectory(atPath: folder["store/leases"], withIntermediateDirectories: true)
    symlink(elsewhere, path)
    #expect(try leases().take(key) != nil)
    #expect(folder.read("elsewhere/" + stranger) == Array("x".utf8))
  }
}
