import Foundation
import Support
import System
import Testing

@testable import Artefacts

@Suite struct StatCacheTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"]) } }
  var index: String { folder["store/index/files"] }

  /// Longer than the grain of file times.
  func settle() { usleep(40_000) }

  /// Writes other bytes of the same length with the same mtime. The ctime gives it away.
  func forge(_ name: String, _ text: String) throws {
    let path = folder[name]
    let date = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.write(contentsOf: Data(text.utf8))
    try file.close()
    try FileManager.default.setAttributes([.modificationDate: date as Any], ofItemAtPath: path)
  }

  @Test func `A file or folder has the artefact that storing it would give`() throws {
    folder.write("one", to: "tree/a")
    folder.write("two", to: "tree/sub/b")
    let cache = StatCache(store: try store)
    let publication = try store.publication()
    #expect(try cache.artefact(at: folder["tree/a"]) == publication.add(path: folder["tree/a"]))
    #expect(try cache.artefact(at: folder["tree"]) == publication.add(path: folder["tree"]))
    #expect(try store.objects() == [])
  }

  @Test func `What was learnt is found again, and a change is noticed`() throws {
    let path = folder.write("one", to: "a")
    settle()
    let cache = StatCache(store: try store)
    let artefact = try cache.artefact(at: path)
    try cache.save()
    let status = try #require(try LocalFileSystem().status(path))
    #expect(StatCache(store: try store).remembered(status) == artefact)

    try forge("a", "two")
    #expect(try StatCache(store: store).artefact(at: path).digest == Digest(of: Array("two".utf8)))
  }

  @Test func `A file that was written just now is not remembered`() throws {
    let path = folder.write("one", to: "a")
    let cache = StatCache(store: try store)
    _ = try cache.artefact(at: path)
    #expect(try cache.remembered(#require(try LocalFileSystem().status(path))) == nil)
  }

  @Test func `File times without fractions have a grain of two seconds`() throws {
    let path = folder.write("one", to: "a")
    let status = try #require(try LocalFileSystem().status(path))
    let whole = status.at(seconds: 1_700_000_000)
    for (later, isSettled) in [(1_900_000_000, false), (2_100_000_000, true)] {
      let clock = try store.clock(
        now: { 0 }, realTime: { 1_700_000_000_000_000_000 + Int64(later) })
      #expect(clock.isSettled(whole, at: path, since: 0) == isSettled)
    }
  }

  @Test func `Damaged entries are forgotten, the others kept, and the file is repaired`() throws {
    let paths = (0..<3).map { folder.write("file \($0)", to: "\($0)") }
    settle()
    let cache = StatCache(store: try store)
    for path in paths { _ = try cache.artefact(at: path) }
    try cache.save()
    var bytes = try #require(folder.read("store/index/files"))
    #expect(bytes.count == 3 * StatCacheEntry.length)
    bytes[StatCacheEntry.length + 50] ^= 1
    folder.write(bytes + [1, 2, 3], to: "store/index/files")

    let damaged = StatCache(store: try store)
    let known = try paths.map { try damaged.remembered(#require(try LocalFileSystem().status($0))) != nil }
    #expect(known == [true, false, true])
    for path in paths { _ = try damaged.artefact(at: path) }
    try damaged.save()
    #expect(folder.read("store/index/files")?.count == 3 * StatCacheEntry.length)
    folder.write("garbage", to: "store/index/files")
    #expect(try StatCache(store: store).artefact(at: paths[0]).digest == Digest(of: Array("file 0".utf8)))
  }

  @Test func `A known file whose object is in the store is not read again`() throws {
    let path = folder.write("one", to: "a")
    settle()
    let cache = StatCache(store: try store)
    let publication = try store.publication()
    let artefact = try publication.add(path: path, known: cache)
    try publication.commit()
    #expect(try cache.remembered(#require(try LocalFileSystem().status(path))) == artefact)

    // An entry that no reading could give shows that the file is not read.
    let other = try store.publication()
    let forged = try other.add(bytes: Array("other".utf8))
    try other.commit()
    cache.remember(
      forged, as: try #require(try LocalFileSystem().status(path)), at: path, since: SystemTime.monotonic())
    #expect(try store.publication().add(path: path, known: cache) == forged)
    #expect(try store.publication().add(path: path) == artefact)
  }

  @Test func `The file is rewritten when it has more than doubled`() throws {
    let path = folder.write("one", to: "a")
    settle()
    let status = try #require(try LocalFileSystem().status(path))
    for _ in 0..<3 {
      let cache = StatCache(store: try store)
      for size in 0..<500 {
        cache.remember(
          Artefact(digest: Digest(of: []), kind: .blob, size: size), as: status, at: path,
          since: SystemTime.monotonic())
      }
      try cache.save()
    }
    #expect(folder.read("store/index/files")?.count == StatCacheEntry.length)
  }

  @Test
  func
    `Of thousands of entries each is found, whether few or many are asked for, and the last one of a file counts`()
    throws
  {
    let path = folder.write("one", to: "a")
    settle()
    let status = try #require(try LocalFileSystem().status(path))
    let files = (0..<3000).map { status.at(seconds: $0) }
    func artefact(_ number: Int) -> Artefact {
      Artefact(digest: Digest(of: Array("\(number)".utf8)), kind: .blob, size: number)
    }
    let cache = StatCache(store: try store)
    for file in [files[7]] + files {
      let size = Int(file.modified / 1_000_000_000)
      cache.remember(
        file == files[7] && cache.remembered(file) == nil ? artefact(-1) : artefact(size), as: file, at: path,
        since: SystemTime.monotonic())
    }
    try cache.save()

    let few = StatCache(store: try store)
    #expect(few.remembered(files[7]) == artefact(7))
    #expect(few.remembered(status.at(seconds: 3000)) == nil)
    let many = StatCache(store: try store)
    #expect(files.indices.filter { many.remembered(files[$0]) != artefact($0) } == [])

    // A damaged one is passed over, and goes when all is written anew.
    var bytes = try #require(folder.read("store/index/files"))
    bytes[bytes.count - StatCacheEntry.length + 50] ^= 1
    folder.write(bytes, to: "store/index/files")
    let damaged = StatCache(store: try store)
    #expect(damaged.remembered(files[2999]) == nil)
    #expect(damaged.remembered(files[2998]) == artefact(2998))
    for number in 3000..<4200 {
      damaged.remember(
        artefact(number), as: status.at(seconds: number), at: path, since: SystemTime.monotonic())
    }
    try damaged.save()
    #expect(folder.read("store/index/files")?.count == 4199 * StatCacheEntry.length)
  }
}

extension FileStatus {
  fileprivate func at(seconds: Int) -> FileStatus {
    var status = stat()
    status.st_mode = S_IFREG
    status.st_mtim.tv_sec = seconds
    status.st_ctim.tv_sec = seconds
    return FileStatus(status)
  }
}
