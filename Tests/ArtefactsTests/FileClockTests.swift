import Foundation
import Support
import Synchronization
import System
import Testing

@testable import Artefacts

extension Store {
  /// Its clock, on a machine that has others.
  func clock(
    now: @escaping @Sendable () -> Int64 = { SystemTime.monotonic() },
    realTime: @escaping @Sendable () -> Int64
  ) -> FileClock {
    FileClock(
      files: files, folder: root, newPath: { try? self.temporaryPath() }, now: now, realTime: realTime)
  }
}

@Suite struct FileClockTests {
  private let folder = TemporaryFolder()
  private let second: Int64 = 1_000_000_000

  /// A store that has been made, and a file beside it.
  private func prepare() throws -> (Store, String) {
    let store = try Store(at: folder["store"])
    try store.make()
    return (store, folder.write("text", to: "file"))
  }

  private func status(_ path: String) throws -> FileStatus {
    try #require(try LocalFileSystem().status(path))
  }

  private func status(device: UInt64, _ stamp: Int64) -> FileStatus {
    var status = stat()
    status.st_dev = dev_t(device)
    status.st_mode = S_IFREG
    status.st_mtim = timespec(tv_sec: Int(stamp / second), tv_nsec: Int(stamp % second))
    status.st_ctim = status.st_mtim
    return FileStatus(status)
  }

  @Test(arguments: [-400, -1, 0, 1, 400])
  func `Beside the store the clock of the file system counts, wherever ours stands`(years: Int64) throws {
    let (store, path) = try prepare()
    let shift = years * 365 * 86_400 &* second
    let clock = store.clock(realTime: { SystemTime.real() &+ shift })
    #expect(try !clock.isSettled(status(path), at: path, since: clock.moment()))
    usleep(40_000)
    #expect(try clock.isSettled(status(path), at: path, since: clock.moment()))
  }

  @Test func `A file that was written after the moment in question is not settled`() throws {
    let (store, path) = try prepare()
    let clock = store.clock
    let before = clock.moment()
    usleep(40_000)
    folder.write("new", to: "file")
    usleep(40_000)
    #expect(try !clock.isSettled(status(path), at: path, since: before))
    #expect(try clock.isSettled(status(path), at: path, since: clock.moment()))
  }

  @Test(arguments: ["1960-01-01", "2300-01-01", "2262-04-11", "1901-12-14"])
  func `Stamps beyond all years are no trouble`(day: String) throws {
    let (store, path) = try prepare()
    let touch = try Process.run(URL(fileURLWithPath: "/usr/bin/touch"), arguments: ["-d", day, path])
    touch.waitUntilExit()
    for _ in 0..<2 {
      let cache = StatCache(store: store)
      #expect(try cache.artefact(at: path).digest == Digest(of: Array("text".utf8)))
      try cache.save()
      usleep(40_000)
    }
    folder.write("next", to: "file")
    #expect(try StatCache(store: store).artefact(at: path).digest == Digest(of: Array("next".utf8)))
  }

  @Test func `Stamps and moments at the ends of what numbers can hold are no trouble`() throws {
    let (store, path) = try prepare()
    for moment in [Int64.min, -1, 0, Int64.max] {
      for stamp in [Int64.min, 0, Int64.max] {
        let clock = store.clock(now: { moment }, realTime: { stamp })
        for device in [try status(path).device, 12_345] {
          _ = clock.isSettled(status(device: device, stamp), at: path, since: moment)
          _ = clock.isSettled(status(device: device, stamp), at: "/proc/version", since: 0)
        }
      }
    }
  }

  /// `/proc` stands for a server: nothing is known of its clock.
  @Test func `Of a server's files only those are settled that are older than another`() throws {
    let (store, _) = try prepare()
    let time = Atomic<Int64>(0)
    let clock = store.clock(
      now: { time.load(ordering: .relaxed) }, realTime: { 1_000_000 * 1_000_000_000 })
    func isSettled(_ stamp: Int64) -> Bool {
      clock.isSettled(status(device: 99, stamp), at: "/proc/version", since: time.load(ordering: .relaxed))
    }
    // It may have been written this moment, although our clock is far ahead.
    #expect(!isSettled(5 * second + 1))
    time.store(1, ordering: .relaxed)
    #expect(!isSettled(5 * second + 1))
    #expect(isSettled(4 * second + 1))
    #expect(!isSettled(7 * second + 1))
    time.store(2, ordering: .relaxed)
    #expect(isSettled(5 * second + 1))
  }

  @Test func `Without a store there is no more than the kernel's clock, and nothing is written`() throws {
    let store = try Store(at: folder["store"])
    let path = folder.write("text", to: "file")
    let clock = store.clock
    usleep(40_000)
    _ = try clock.isSettled(status(path), at: path, since: clock.moment())
    #expect(!FileManager.default.fileExists(atPath: folder["store"]))
  }
}
