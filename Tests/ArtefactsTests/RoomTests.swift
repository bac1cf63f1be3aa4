import Foundation
import Support
import System
import Testing

@testable import Artefacts

/// What is given up on a disk that is full.
@Suite struct RoomTests {
  private let folder = TemporaryFolder()
  private var store: Store { get throws { try Store(at: folder["store"]) } }

  private func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: folder["store/" + name])
  }

  /// As a write on a full disk, as long as there is one of some files.
  private func write(unless names: [String]) throws {
    if let name = names.first(where: exists) { throw Failure.system("write", name, ENOSPC) }
  }

  @Test func `The reserve takes room, is made once, and goes before what else is there`() throws {
    // A folder that is no store does not become one.
    try store.keepReserve()
    #expect(!exists("index"))
    let store = try store
    _ = try store.put([1])
    store.keepReserve()
    let reserve = try #require(try store.files.entry(folder["store/index/reserve"]))
    #expect(reserve.size == Store.reserveSize && reserve.takesRoom)
    store.keepReserve()
    #expect(try store.files.entry(folder["store/index/reserve"]) == reserve)

    folder.write("1", to: "store/index/run-0-1")
    folder.write("2", to: "store/index/files")
    let dead = String(repeating: "ab", count: 16)
    folder.write("left", to: "store/tmp/\(dead).dead/1")
    var attempts = 0
    try store.withRoom {
      attempts += 1
      try write(unless: ["index/reserve"])
    }
    #expect(attempts == 2 && exists("tmp/\(dead).dead") && exists("index/run-0-1"))
    try store.withRoom { try write(unless: ["tmp/\(dead).dead"]) }
    #expect(exists("index/run-0-1"))
    try store.withRoom { try write(unless: ["index/run-0-1"]) }
    #expect(exists("index/files"))
    // Nothing else may go.
    attempts = 0
    let error = #expect(throws: Failure.self) {
      try store.withRoom {
        attempts += 1
        try write(unless: ["index/files"])
      }
    }
    #expect(attempts == 1 && error?.isFull == true)
    #expect(try store.bytes(of: Digest(of: [1])) == [1])
    // What is no want of room is not tried again.
    store.keepReserve()
    #expect(throws: Failure.self) { try store.withRoom { throw Failure.system("write", "x", EIO) } }
    #expect(exists("index/reserve"))
  }

  @Test func `Folders of the living stay`() throws {
    let (store, other) = (try store, try store)
    _ = try store.put([1])
    _ = try other.put([2])
    #expect(throws: Failure.self) { try store.withRoom { throw Failure.system("write", "x", EDQUOT) } }
    _ = try store.put([3])
    _ = try other.put([4])
  }
}
