import Foundation
import Support
import System
import Testing

@testable import System

@Suite struct ProcessFolderTests {
  let folder = TemporaryFolder()
  let files = LocalFileSystem()
  var area: String { folder["tmp"] }

  init() { mkdir(folder["tmp"], 0o755) }

  private func make() throws -> ProcessFolder { try ProcessFolder(in: area, files: files) }
  private var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: area).sorted() }
  }

  /// A folder as its owner left it when it was killed.
  private func dead(_ change: (LifeSign) -> LifeSign = { $0 }) throws -> String {
    let name = ProcessFolder.randomName()
    let alive = folder.write("", to: "tmp/\(name)/alive")
    folder.write("gigabytes", to: "tmp/\(name)/1")
    let status = try #require(try files.status(alive))
    folder.write(change(LifeSign(status: status, isLocal: true)).bytes(beat: 7), to: "tmp/\(name)/alive")
    // `write` replaces the file.
    let now = try #require(try files.status(alive))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: alive))
    try file.write(contentsOf: Data(change(LifeSign(status: now, isLocal: true)).bytes(beat: 7)))
    try file.close()
    return name
  }

  @Test func `What an owner writes goes with it, also when it is removed twice`() throws {
    do {
      let own = try make()
      folder.write("x", to: "tmp/\((own.path as NSString).lastPathComponent)/1")
      own.remove()
      own.remove()
      #expect(try names == [])
      _ = try make()
    }
    #expect(try names == [])
  }

  @Test func `The folder of a dead owner is removed by the next, that of a living one is not`() throws {
    let living = try make()
    let name = try dead()
    #expect(try names.contains(name))
    let next = try make()
    #expect(try names == [living.path, next.path].map { ($0 as NSString).lastPathComponent }.sorted())
    folder.write("x", to: "tmp/\(name).dead/folder/1")
    living.removeLeftovers()
    #expect(try names.count == 2)
  }

  @Test func `A free lock of another machine's file says nothing`() throws {
    let others = try [
      dead { LifeSign(device: $0.device, inode: $0.inode, isLocal: false) },
      dead { LifeSign(device: $0.device &+ 1, inode: $0.inode, isLocal: true) },
      dead { LifeSign(device: $0.device, inode: $0.inode &+ 1, isLocal: true) },
    ]
    let own = try make()
    #expect(Set(own.removeLeftovers().keys) == Set(others))
    #expect(try Set(names).isSuperset(of: others))
  }

  @Test func `What brake did not make stays, however old it is and whatever it is called`() throws {
    let random = String(repeating: "0", count: 32)
    folder.write("x", to: "tmp/thesis/data")
    folder.write("x", to: "tmp/0123-4-5-6-7")
    folder.write("x", to: "tmp/\(random)")
    folder.write("x", to: "tmp/\(random.dropLast())/alive")
    folder.write("x", to: "elsewhere/alive")
    symlink(folder["elsewhere"], folder["tmp/" + random.replacing("0", with: "1")])
    for name in try names { utimes(folder["tmp/" + name], [timeval(), timeval()]) }
    // The year 2300, whose nanoseconds do not fit into 64 bits.
    let late = timeval(tv_sec: 10_413_792_000, tv_usec: 0)
    utimes(folder["tmp/thesis"], [late, late])
    let before = try names
    do {
      let own = try make()
      for minute in 0..<60 { own.lookAround(at: .seconds(60 * minute)) }
    }
    #expect(try names == before)
    #expect(folder.read("elsewhere/alive") != nil)
  }

  @Test func `An owner without a lock that shows no heartbeat for a quarter of an hour is dead`() throws {
    let name = try dead { LifeSign(device: $0.device, inode: $0.inode, isLocal: false) }
    let own = try make()
    for minute in 0..<15 { own.lookAround(at: .seconds(60 * minute)) }
    #expect(try names.contains(name))
    own.lookAround(at: .seconds(60 * 15))
    #expect(try !names.contains(name))
  }

  @Test func `A heartbeat changes what an observer sees`() throws {
    let own = try make()
    let name = (own.path as NSString).lastPathComponent
    let before = folder.read("tmp/\(name)/alive")
    own.beat()
    let after = try #require(folder.read("tmp/\(name)/alive"))
    #expect(before != after)
    #expect(LifeSign(after) == LifeSign(try #require(before)))
  }

  @Test func `An owner whose folder is gone fails, and writes nowhere else`() throws {
    let own = try make()
    try FileManager.default.removeItem(atPath: own.path)
    let error = #expect(throws: Failure.self) { try own.newPath() }
    #expect(error?.headline.contains("was removed") == true)
    own.beat()
    #expect(try names == [])
  }
}

@Suite struct LeftoverWatchTests {
  private func minutes(_ count: Int) -> Duration { .seconds(60 * count) }

  @Test func `A sign that changes at any time is a sign of life`() {
    var watch = LeftoverWatch()
    for minute in 0..<200 {
      let sign = [UInt8(minute / 14)]
      #expect(watch.look(["a": sign, "b": [0]], at: minutes(minute)).contains("a") == false)
    }
  }

  @Test func `An observer that was stopped for hours knows no more than before`() {
    var watch = LeftoverWatch()
    var time = 0
    for hours in 0..<14 { time = 60 * hours; #expect(watch.look(["a": []], at: minutes(time)) == []) }
    #expect(watch.look(["a": []], at: minutes(time + 1)) == [])
    #expect(watch.look(["a": []], at: minutes(time + 2)) == ["a"])
  }

  @Test func `A clock that goes back counts for nothing`() {
    var watch = LeftoverWatch()
    for minute in (0..<100).reversed() { #expect(watch.look(["a": []], at: minutes(minute)) == []) }
  }

  @Test func `Each is watched from when it was first seen`() {
    var watch = LeftoverWatch()
    for minute in 0..<15 {
      #expect(watch.look(minute < 10 ? ["a": []] : ["a": [], "b": []], at: minutes(minute)) == [])
    }
    #expect(watch.look(["a": [], "b": []], at: minutes(15)) == ["a"])
    #expect(watch.look(["b": []], at: minutes(24)) == [])
  }
}
