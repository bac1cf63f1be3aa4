import Foundation
import Support
import Synchronization
import System
import Testing

@testable import Artefacts

@Suite struct RestoredInputsTests {
  private let folder = TemporaryFolder()
  private let store: Store

  init() throws { store = try Store(at: folder["store"], files: .withoutSynchronising) }

  /// Entries as another process has them, and how often it had to write one.
  private final class Reader: Sendable {
    let inputs: RestoredInputs
    let store: Store
    private let count = Mutex(0)

    init(_ store: Store, budget: Int = 1 << 30, secret: UserSecret? = .own) {
      self.store = store
      inputs = RestoredInputs(of: store, budget: budget, secret: secret)
    }

    var writes: Int { count.withLock { $0 } }

    func borrow(_ artefact: Artefact, executable: Bool = false) throws -> RestoredInput? {
      try inputs.borrow(artefact, executable: executable) {
        count.withLock { $0 += 1 }
        try store.restore(artefact.digest, to: $0, executable: executable)
      }
    }
  }

  private func put(_ text: String) throws -> Artefact {
    let publication = store.publication()
    let artefact = try publication.add(bytes: Array(text.utf8))
    try publication.commit()
    return artefact
  }

  private func putFolder() throws -> Artefact {
    folder.write("one", to: "source/a/one")
    folder.write("two", to: "source/b c")
    let publication = store.publication()
    let artefact = try publication.add(path: folder["source"])
    try publication.commit()
    return artefact
  }

  private func text(_ input: RestoredInput?, _ name: String = "") -> String? {
    input.flatMap { FileManager.default.contents(atPath: $0.path + name) }.map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  private var entries: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder["store/index/restored"])) ?? []).sorted()
  }

  @Test func `What several read is written once, whoever they are, and can be copied by all`() throws {
    let file = try put("text")
    let tree = try putFolder()
    let reader = Reader(store)
    let first = try reader.borrow(file)
    #expect(text(first) == "text")
    #expect(try reader.borrow(file)?.path == first?.path)
    #expect(text(try reader.borrow(tree), "/a/one") == "one")
    let other = Reader(try Store(at: store.root))
    #expect(text(try other.borrow(tree), "/b c") == "two")
    #expect(try other.borrow(file)?.path == first?.path)
    #expect(reader.writes == 2 && other.writes == 0)
    let path = try #require(try other.borrow(tree)).path
    for (name, mode) in [("", 0o755), ("/a", 0o755), ("/a/one", 0o644)] {
      let found = try FileManager.default.attributesOfItem(atPath: path + name)[.posixPermissions] as? Int
      #expect(found == mode)
    }
  }

  @Test func `A file that can be executed is another one`() throws {
    let file = try put("#!/bin/sh\n")
    let reader = Reader(store)
    let plain = try #require(try reader.borrow(file))
    let program = try #require(try reader.borrow(file, executable: true))
    #expect(!FileManager.default.isExecutableFile(atPath: plain.path))
    #expect(FileManager.default.isExecutableFile(atPath: program.path))
    #expect(text(program) == text(plain))
  }

  @Test func `What somebody has changed is written again, and what was only touched is not`() throws {
    let file = try put("text")
    let tree = try putFolder()
    let reader = Reader(store)
    let path = try #require(try reader.borrow(file)).path
    let place = try #require(try reader.borrow(tree)).path
    chmod(path, 0o644)
    #expect(text(try reader.borrow(file)) == "text" && reader.writes == 2, "its bytes are the same")

    try Data("TEXT".utf8).write(to: URL(fileURLWithPath: path))
    #expect(text(try reader.borrow(file)) == "text" && reader.writes == 3)
    try FileManager.default.removeItem(atPath: path)
    #expect(text(try reader.borrow(file)) == "text" && reader.writes == 4)

    chmod(place, 0o755)
    #expect(text(try reader.borrow(tree), "/a/one") == "one" && reader.writes == 4)
    #expect(FileManager.default.createFile(atPath: place + "/more", contents: Data()))
    let again = try reader.borrow(tree)
    #expect(reader.writes == 5)
    #expect(text(again, "/more") == nil && text(again, "/a/one") == "one")

    chmod(place, 0o755)
    chmod(place + "/b c", 0o755)
    #expect(text(try reader.borrow(tree), "/b c") == "two" && reader.writes == 6, "it can be executed")
    chmod(place, 0o755)
    unlink(place + "/b c")
    #expect(symlink("/etc/hostname", place + "/b c") == 0)
    #expect(text(try reader.borrow(tree), "/b c") == "two" && reader.writes == 7)
  }

  /// Until only so many are left. A child that another test starts holds copies of all locks until it executes its program, so that
  /// what nobody uses may look as if somebody did.
  private func shrink(_ reader: Reader, to bytes: Int, _ count: Int) {
    for _ in 0..<500 where entries.count > count {
      reader.inputs.shrink(to: bytes)
      usleep(10_000)
    }
  }

  @Test func `Beyond the budget those go that were unused for longest, and none that is in use`() throws {
    let files = try (0..<5).map { try put(String(repeating: "\($0)", count: 100)) }
    let reader = Reader(store, budget: 250)
    let held = try reader.borrow(files[0])
    for file in files[1...] { _ = try reader.borrow(file) }
    #expect(reader.writes == 5)
    shrink(reader, to: 250, 2)
    #expect(entries.count == 2)
    #expect(entries.contains(files[0].digest.hex) && entries.contains(files[4].digest.hex))
    #expect(text(held) == String(repeating: "0", count: 100))
    let other = Reader(store, budget: 250)
    _ = try other.borrow(files[0])
    withExtendedLifetime(held) {}

    let none = Reader(store, budget: 0)
    #expect(try none.borrow(files[0]) == nil)
  }

  @Test func `Who is slower with an image than another process takes what that has made`() throws {
    let image = Digest(of: Array("image".utf8))
    let slow = RestoredInputs(of: store, budget: 1 << 30)
    let fast = RestoredInputs(of: store, budget: 1 << 30)
    func make(_ path: String) throws {
      try LocalFileSystem().makeFolders(path)
      try LocalFileSystem().write(Array("root".utf8), to: path + "/file")
    }
    var first: RestoredInput?
    let second = try slow.borrow(rootOf: image) { path in
      try make(path)
      first = try fast.borrow(rootOf: image, write: make)
    }
    #expect(second?.path == first?.path && text(second, "/file") == "root")
    #expect(entries == ["\(image.hex).image-\(geteuid())"])
    // Nothing is left of the other one.
    let own = try LocalFileSystem().names(in: folder["store/tmp"]).flatMap {
      try LocalFileSystem().names(in: folder["store/tmp/\($0)"])
    }
    #expect(own == ["alive"], "\(own)")
  }

  @Test func `Many who want the same at once get the same`() async throws {
    let files = try (0..<3).map { try put(String(repeating: "\($0)", count: 50_000)) }
    let readers = (0..<4).map { _ in Reader(store, budget: 60_000) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for reader in readers {
        for round in 0..<30 {
          group.addTask {
            // Another may always remove what was just written: then there is nothing to share.
            guard let input = try reader.borrow(files[round % 3]) else { return }
            #expect(text(input) == String(repeating: "\(round % 3)", count: 50_000))
          }
        }
      }
      try await group.waitForAll()
    }
    shrink(readers[0], to: 0, 0)
    #expect(entries == [])
  }

  @Test(arguments: [Fault.stop, .error(ENOSPC), .error(EACCES), .short])
  func `Whichever call fails, what is there afterwards is right`(fault: Fault) throws {
    let file = try put("text")
    let tree = try putFolder()
    let other = try put("other")
    var call = 0
    while true {
      call += 1
      let files = CrashingFileSystem(failingAt: call, fault)
      _ = try Reader(store).borrow(other)
      do {
        let reader = Reader(try Store(at: store.root, files: files), budget: 8)
        for artefact in [file, tree] {
          let input = try reader.borrow(artefact)
          if let input {
            #expect(text(input, artefact == tree ? "/a/one" : "") == (artefact == tree ? "one" : "text"))
          }
        }
      } catch {}
      let healthy = Reader(store)
      #expect(text(try healthy.borrow(file)) == "text", "call \(call)")
      #expect(text(try healthy.borrow(tree), "/a/one") == "one", "call \(call)")
      healthy.inputs.shrink(to: 0)
      if !files.wasReached { break }
    }
    #expect(call > 40)
  }

  @Test func `After a power cut nothing is believed that did not survive`() throws {
    let file = try put("text")
    let files = CrashingFileSystem(failingAt: .max, .stop)
    _ = try Reader(try Store(at: store.root, files: files)).borrow(file)
    let kept = folder["store/index/restored/\(file.digest.hex)/content"]
    chmod(kept, 0o644)
    try Data().write(to: URL(fileURLWithPath: kept))
    #expect(text(try Reader(store).borrow(file)) == "text")
  }

  @Test func `What others have written out is read before it is believed, and only once`() throws {
    let file = try put("text")
    let other = try put("more")
    let mine: UserSecret = try #require(UserSecret(at: folder["mine"]))
    let theirs: UserSecret = try #require(UserSecret(at: folder["theirs"]))
    let entry = folder["store/index/restored/\(file.digest.hex)"]
    func seal() -> Data? { FileManager.default.contents(atPath: entry + "/seal-\(geteuid())") }
    func forge(_ secret: UserSecret?) throws {
      let inputs = RestoredInputs(of: store, budget: 1 << 30, secret: secret)
      let bytes = Data("evil".utf8)
      _ = try inputs.borrow(file, executable: false) { try bytes.write(to: URL(fileURLWithPath: $0)) }
    }
    for secret in [theirs, nil] {
      try forge(secret)
      let reader = Reader(store, secret: mine)
      #expect(text(try reader.borrow(file)) == "text" && reader.writes == 1)
      try FileManager.default.removeItem(atPath: entry)
    }

    _ = try Reader(store, secret: theirs).borrow(file)
    let before = seal()
    let reader = Reader(store, secret: mine)
    #expect(text(try reader.borrow(file)) == "text" && reader.writes == 0, "its bytes are right")
    let after = seal()
    #expect(after != before)
    _ = try reader.borrow(file)
    #expect(seal() == after && reader.writes == 0)

    // One's own seal says nothing of another artefact.
    let elsewhere = folder["store/index/restored/\(other.digest.hex)"]
    try FileManager.default.moveItem(atPath: entry, toPath: elsewhere)
    #expect(text(try reader.borrow(other)) == "more" && reader.writes == 1)
  }
}
