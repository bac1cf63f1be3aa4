import Foundation
import Support
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

  private func leases() throws -> Leases { Leases(of: try Store(at: folder["store"])) }
  private var path: String { folder["store/leases/\(key.hex)"] }

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
    let lease = try leases().take(key)
    // What a killed process leaves: its file, whose lock the kernel has dropped.
    let text = try #require(folder.read("store/leases/\(key.hex)"))
    try FileManager.default.removeItem(atPath: path)
    folder.write(text, to: "store/leases/\(key.hex)")
    var status = stat()
    stat(path, &status)
    let words = String(decoding: text, as: UTF8.self).split(separator: " ")
    let own = String(decoding: text, as: UTF8.self).replacingOccurrences(
      of: "\(words[4].split(separator: "\n")[0])\n", with: "\(status.st_ino)\n")
    folder.write(own, to: "store/leases/\(key.hex)")
    let watch = Observer(try leases().watch(key))
    #expect(watch.isFree(at: 0))
    #expect(!FileManager.default.fileExists(atPath: path))
    lease?.release()
  }

  @Test func `An owner that shows no sign of life for long loses the right, one that does keeps it`() throws {
    // Of another machine: its lock says nothing here.
    try FileManager.default.createDirectory(atPath: folder["store/leases"], withIntermediateDirectories: true)
    folder.write("brake 1 remote 1 2\n00000000000000000001\n", to: "store/leases/\(key.hex)")
    let watch = Observer(LeaseWatch(path))
    #expect(!watch.isFree(after: 14))
    #expect(watch.isFree(at: 15))
    #expect(!FileManager.default.fileExists(atPath: path))

    folder.write("brake 1 remote 1 2\n00000000000000000001\n", to: "store/leases/\(key.hex)")
    let other = Observer(LeaseWatch(path))
    for second in 0..<60 {
      #expect(!other.isFree(at: second))
      if second % 5 == 0 {
        folder.write("brake 1 remote 1 2\n0000000000000000010\(second)\n", to: "store/leases/\(key.hex)")
      }
    }
  }

  @Test func `An observer that was stopped itself has learnt nothing meanwhile`() throws {
    try FileManager.default.createDirectory(atPath: folder["store/leases"], withIntermediateDirectories: true)
    folder.write("brake 1 remote 1 2\n00000000000000000001\n", to: "store/leases/\(key.hex)")
    let watch = Observer(LeaseWatch(path))
    #expect(!watch.isFree(at: 0))
    #expect(!watch.isFree(at: 100_000))
    #expect(!watch.isFree(at: 50_000))
  }

  @Test func `Who was taken for dead does not take the right back by letting go`() throws {
    let late = try #require(try leases().take(key))
    try FileManager.default.removeItem(atPath: path)
    let other = try leases()
    let lease = try #require(try other.take(key))
    late.release()
    #expect(FileManager.default.fileExists(atPath: path))
    lease.release()
  }
}
