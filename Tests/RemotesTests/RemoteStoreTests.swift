@testable import Artefacts
import Foundation
import Glibc
import JSON
import Support
import Synchronization
import System
import Testing

@testable import Remotes

/// What goes to other places and comes from them, whatever they are.
@Suite struct RemoteStoreTests {
  let there: TestStore
  let here: TestStore

  init() throws {
    there = try TestStore()
    here = try TestStore(isEmpty: true)
  }

  private func remote(_ files: (any RemoteFiles)? = nil) -> RemoteStore {
    RemoteStore(files ?? StoreFiles(there.store), scratch: here.store)
  }

  @Test func `Records that tell how something was made are kept as they come, and not all in memory`()
    async throws
  {
    let records = (0..<100).map {
      Record(manifest: ["n": .integer($0)], outputs: [], log: nil, stage: "s", sources: [:])
    }
    let publication = there.store.publication()
    for record in records { try publication.add(record: record) }
    try publication.commit()
    let watcher = Watcher(there: there.store, here: here.store)
    var come: [Digest] = []
    let missing = Digest(of: [1])
    try await remote(watcher).fetchRecords(records.map(\.key) + [missing]) { come.append($0.key) }
    #expect(Set(come) == Set(records.map(\.key)) && come.count == 100)
    #expect(try here.store.toldRecord(records[7].key) == records[7])
  }

  /// A client and a server that talk over pipes, as over ssh.
  private func piped(isReadOnly: Bool = false) throws -> PipePair {
    try PipePair(there.store, isReadOnly: isReadOnly)
  }

  @Test func `A folder comes with all that it names, and is the same`() async throws {
    let pair = try piped()
    for files in [StoreFiles(there.store), pair.client] as [any RemoteFiles] {
      let here = try TestStore(isEmpty: true)
      let fetched = try await RemoteStore(files, scratch: here.store).fetch(there.tree.digest)
      #expect(fetched == there.tree)
      #expect(try here.store.isWhole(there.tree))
      try here.store.restore(there.tree.digest, to: here.folder["copy"])
      #expect(try String(contentsOfFile: here.folder["copy/e/inner"], encoding: .utf8) == "inner")
      try here.store.verify(there.tree.digest)
    }
  }

  @Test func `What is sent is there, once, and in an order that never leads nowhere`() async throws {
    let other = try Store(at: here.folder["target"], files: .withoutSynchronising)
    let spy = Spy(StoreFiles(other))
    let push = Push(
      artefacts: [there.tree], records: [there.record], references: [.init("best", to: there.tree.digest)])
    let outcome = try await push.run(from: there.store, to: spy)
    #expect(outcome.objects == 5 && outcome.records == 1)
    try other.verify(there.tree.digest)
    #expect(try other.record(there.record.key) == there.record)
    #expect(try other.reference("best") == there.tree.digest)
    let order = spy.written.withLock { $0 }
    let place = { (path: String) in order.firstIndex(of: path)! }
    for object in try there.store.objects() where object != there.tree.digest {
      #expect(place(StorePath.object(object).text) < place(StorePath.object(there.tree.digest).text))
    }
    #expect(place(StorePath.object(there.tree.digest).text) < place(StorePath.record(there.record.key).text))
    #expect(order.last == "refs/best")
    let again = try await push.run(from: there.store, to: spy)
    #expect(again.objects == 0 && again.objectsThere == 5 && again.recordsThere == 1)
  }

  @Test func `Nothing is sent of what is lost here`() async throws {
    try FileManager.default.removeItem(atPath: there.path(of: there.large.digest))
    let other = try Store(at: here.folder["target"], files: .withoutSynchronising)
    await #expect {
      try await Push(artefacts: [there.tree]).run(from: there.store, to: StoreFiles(other))
    } throws: {
      ($0 as? Failure)?.code == .notFound
    }
    #expect(try !other.contains(there.tree.digest))
  }

  @Test func `Every byte that is wrong there is noticed here`() async throws {
    let path = there.path(of: there.large.digest)
    let sound = try Data(contentsOf: URL(fileURLWithPath: path))
    chmod(path, 0o644)
    for place in [0, 13, 20, 1000, sound.count / 2, sound.count - 100, sound.count - 1] {
      var damaged = sound
      damaged[place] ^= 1
      try damaged.write(to: URL(fileURLWithPath: path))
      await #expect("byte \(place)") {
        try await remote(Raw(there.store)).fetch(there.large.digest)
      } throws: {
        ($0 as? Failure)?.code == .remote || ($0 as? Failure)?.code == .newer
      }
      #expect(try !here.store.contains(there.large.digest))
    }
    try sound.dropLast(1000).write(to: URL(fileURLWithPath: path))
    await #expect(throws: Failure.self) { try await remote(Raw(there.store)).fetch(there.large.digest) }
    // Nothing is left of what came.
    #expect(try here.store.objects().isEmpty)
  }

  @Test func `An object under another's name is refused`() async throws {
    let path = there.path(of: there.large.digest)
    let small = Digest(of: Array("small".utf8))
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.copyItem(atPath: there.path(of: small), toPath: path)
    await #expect { try await remote(Raw(there.store)).fetch(there.large.digest) } throws: {
      "\($0)".contains("it is the object \(small)")
    }
  }

  @Test func `What is longer than it can be is not listened to`() async throws {
    let publication = here.store.publication()
    let failures = try await remote().copy([WantedObject(there.large.digest, size: 1000)], to: publication)
    #expect("\(failures[there.large.digest]!)".contains("sends more than"))
    try publication.commit()
    #expect(try here.store.objects().isEmpty)
  }

  @Test func `Sizes that nothing can have are no reason to end`() async throws {
    let failures = try await remote().copy(
      [WantedObject(there.large.digest, size: Int.max), WantedObject(Digest.first, size: Int.max)],
      to: here.store.publication())
    #expect(failures.count == 2)
  }

  @Test func `A server that answers everything with a page is no place to send to`() async throws {
    await #expect {
      try await Push(artefacts: [there.tree]).run(from: there.store, to: Everything())
    } throws: {
      "\($0)".contains("something else")
    }
  }

  @Test func `Folders are sent after all folders that they name, whatever names them`() async throws {
    // a/x and b/y/x are the same folder: it comes before both.
    for path in ["a/x/f", "b/y/x/f"] { there.folder.write("f", to: "t/" + path) }
    let publication = there.store.publication()
    let tree = try publication.add(path: there.folder["t"])
    try publication.commit()
    let spy = Spy(StoreFiles(try Store(at: here.folder["target"], files: .withoutSynchronising)))
    _ = try await Push(artefacts: [tree]).run(from: there.store, to: spy)
    let order = spy.written.withLock { $0 }
    func check(_ tree: Digest) throws {
      for entry in try there.store.tree(tree).entries {
        #expect(
          order.firstIndex(of: StorePath.object(entry.digest).text)!
            < order.firstIndex(of: StorePath.object(tree).text)!)
        if entry.mode == .tree { try check(entry.digest) }
      }
    }
    try check(tree.digest)
  }

  @Test func `Records are taken as they are, or not at all`() async throws {
    #expect(
      try await remote().records(for: [there.record.key, Digest.first]) == [there.record.key: there.record])
    let raw = Raw(there.store)
    let path = there.folder["store/" + StorePath.record(there.record.key).text]
    chmod(path, 0o644)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    for place in stride(from: 0, to: bytes.count, by: 7) {
      var damaged = bytes
      damaged[place] ^= 1
      try damaged.write(to: URL(fileURLWithPath: path))
      #expect(try await remote(raw).records(for: [there.record.key]).isEmpty)
    }
  }

  @Test func `A place that does not answer is asked once where a run can go on without it`() async throws {
    let notes = Mutex<[String]>([])
    let silent = RemoteStore(PipeFiles(["false"], name: "x"), scratch: here.store, isPatient: false) { note in
      notes.withLock { $0.append(note) }
    }
    for _ in 0..<3 {
      await #expect(throws: Failure.self) { try await silent.present(among: [Digest.first]) }
    }
    #expect(notes.withLock { $0.count } == 1)
  }

  @Test(arguments: [true, false])
  func `Whether objects are there is asked where there is a store, and nowhere else`(_ isNew: Bool)
    async throws
  {
    let other = try Store(at: here.folder["target"], files: .withoutSynchronising)
    if !isNew { try other.setReference("some", to: Digest.first) }
    #expect(try await StoreFiles(other).hasStore() == !isNew)
    let spy = Spy(StoreFiles(other), isNew: isNew)
    let outcome = try await Push(artefacts: [there.tree]).run(from: there.store, to: spy)
    #expect(outcome.objects == 5 && outcome.objectsThere == 0)
    #expect(spy.asked.withLock { $0.filter { $0.hasPrefix("objects/") }.count } == (isNew ? 0 : 5))
    #expect(spy.written.withLock { $0.first == StorePath.format.text } == isNew)
    try other.verify(there.tree.digest)
  }

  @Test func `A store that is served for reading takes nothing, and says so`() async throws {
    let pair = try piped(isReadOnly: true)
    let push = Push(artefacts: [], references: [.init("best", to: there.tree.digest)])
    await #expect { try await push.run(from: there.store, to: pair.client) } throws: {
      "\($0)".contains("served for reading only")
    }
    // The talk goes on.
    #expect(try await pair.client.present(among: [StorePath.object(there.tree.digest).text]).count == 1)
    #expect(try there.store.references().isEmpty)
  }

  @Test func `A push over a pipe arrives whole`() async throws {
    let target = try Store(at: here.folder["target"], files: .withoutSynchronising)
    let pair = try PipePair(target, isReadOnly: false)
    let push = Push(
      artefacts: [there.tree], records: [there.record], references: [.init("a/b", to: there.tree.digest)])
    _ = try await push.run(from: there.store, to: pair.client)
    try target.verify(there.tree.digest)
    #expect(try target.record(there.record.key) == there.record)
    #expect(try await RemoteStore(pair.client, scratch: here.store).reference("a/b") == there.tree.digest)
    #expect(try await RemoteStore(pair.client, scratch: here.store).reference("none") == nil)
  }

  @Test func `Whatever is said to a server, it neither crashes nor writes what is not asked for`()
    async throws
  {
    let before = try there.store.objects()
    var generator = Mutator(seed: 7)
    let sound =
      Wire.greeting + [UInt8(ascii: "R"), 1, 0, 0, 0, 5, 0] + Array("refs/".utf8)
      + [UInt8](repeating: 1, count: 8)
      + [UInt8(ascii: "G"), 1, 0, 0, 0, 5, 0] + Array("refs/".utf8) + [UInt8](repeating: 1, count: 16)
      + [UInt8(ascii: "W"), 1, 0, 0, 0, 6, 0] + Array("refs/a".utf8) + [1, 3, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0]
    for _ in 0..<300 {
      let bytes = Wire.greeting + generator.mutated(Array(sound.dropFirst(Wire.greeting.count)))
      let input = here.folder["input"]
      try Data(bytes).write(to: URL(fileURLWithPath: input))
      let from = open(input, O_RDONLY)
      let to = open("/dev/null", O_WRONLY)
      defer {
        close(from)
        close(to)
      }
      try? await PipeServer(there.store, isReadOnly: false, input: from, output: to).run()
    }
    #expect(try there.store.objects() == before)
    #expect(try there.store.references().isEmpty)
  }

  @Test func `Names that lead elsewhere are no names of files`() async throws {
    for path in [
      "../../etc/passwd", "objects/../../x", "objects/ab/..", "refs/../objects", "index/files", "",
    ] {
      await #expect(throws: Failure.self) { try await StoreFiles(there.store).present(among: [path]) }
      await #expect(throws: Failure.self) {
        try await StoreFiles(there.store).write([Shipment(path: path, content: .bytes([10]))])
      }
    }
  }
}

extension TestStore {
  func path(of digest: Digest) -> String { folder["store/" + StorePath.object(digest).text] }
}

/// Tells in which order files were written.
private final class Spy: RemoteFiles {
  let files: any RemoteFiles
  let written = Mutex<[String]>([])
  let asked = Mutex<[String]>([])
  /// Whether it says that there is no store.
  private let isNew: Bool
  var name: String { files.name }

  init(_ files: any RemoteFiles, isNew: Bool = false) {
    self.files = files
    self.isNew = isNew
  }

  func present(among paths: [String]) async throws -> Set<String> {
    asked.withLock { $0 += paths }
    return try await files.present(among: paths)
  }
  func read(_ landings: [Landing]) async throws {
    let new = landings.filter { isNew && $0.path == StorePath.format.text }
    for landing in new { landing.miss() }
    try await files.read(landings.filter { landing in !new.contains { $0 === landing } })
  }
  func write(_ shipments: [Shipment]) async throws {
    written.withLock { $0 += shipments.map(\.path) }
    try await files.write(shipments.filter { $0.path != StorePath.format.text })
  }
}

/// Sees to it that each record is kept before the next one comes.
private struct Watcher: RemoteFiles {
  let there: Store
  let here: Store
  let name = "the watcher"

  func present(among paths: [String]) async throws -> Set<String> { Set(paths) }
  func write(_ shipments: [Shipment]) async throws {}
  func read(_ landings: [Landing]) async throws {
    for landing in landings {
      try await StoreFiles(there).read([landing])
      guard case .record(let key) = StorePath(landing.path) else { continue }
      #expect(try there.hasRecord(key) == (here.toldRecord(key) != nil))
      #expect(landing.bytes.isEmpty)
    }
  }
}

/// Hands out a store's files without looking at them, as a web server does.
private struct Raw: RemoteFiles {
  let store: Store
  let name = "raw"

  init(_ store: Store) { self.store = store }

  func present(among paths: [String]) async throws -> Set<String> { Set(paths) }
  func write(_ shipments: [Shipment]) async throws {}
  func read(_ landings: [Landing]) async throws {
    for landing in landings {
      guard let bytes = FileManager.default.contents(atPath: store.root + "/" + landing.path) else {
        landing.miss()
        continue
      }
      do {
        try [UInt8](bytes).withUnsafeBytes { try landing.append($0, from: name) }
        landing.arrive()
      } catch {
        landing.fail(error)
      }
    }
  }
}

/// Says yes to everything.
private struct Everything: RemoteFiles {
  let name = "everything"

  func present(among paths: [String]) async throws -> Set<String> { Set(paths) }
  func write(_ shipments: [Shipment]) async throws {}
  func read(_ landings: [Landing]) async throws {
    for landing in landings {
      try Array("<html>".utf8).withUnsafeBytes { try landing.append($0, from: name) }
      landing.arrive()
    }
  }
}

/// Two ends of pipes, one of them served.
final class PipePair {
  let client: any RemoteFiles
  private let folder = TemporaryFolder()

  /// The client starts `cat` on named pipes between which the server stands, so that both ends are the real ones.
  init(_ store: Store, isReadOnly: Bool, pulse: Duration = .seconds(10)) throws {
    let (input, output) = (folder["in"], folder["out"])
    guard mkfifo(input, 0o600) == 0, mkfifo(output, 0o600) == 0 else {
      throw Failure.system("make a pipe in", folder.path)
    }
    client = PipeFiles(
      ["/bin/sh", "-c", "exec 3<&0; cat <&3 > '\(input)' & exec cat 3<&- '\(output)'"], name: "pipe")
    let thread = Thread {
      let from = open(input, O_RDONLY)
      let to = open(output, O_WRONLY)
      let done = DispatchSemaphore(value: 0)
      Task(executorPreference: TaskThreads.shared) {
        try? await PipeServer(store, isReadOnly: isReadOnly, input: from, output: to, pulse: pulse).run()
        close(from)
        close(to)
        done.signal()
      }
      done.wait()
    }
    thread.start()
  }
}
