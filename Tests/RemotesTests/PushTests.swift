import Artefacts
import Foundation
import Support
import Synchronization
import System
import Testing

@testable import Remotes

/// What is sent while something else happens here or there.
@Suite struct PushTests {
  private let here: TestStore
  private let folder = TemporaryFolder()

  init() throws { here = try TestStore() }

  /// A place that takes an object out of the store from which it is sent when it is first asked for something.
  private final class Collecting: RemoteFiles {
    private let files: any RemoteFiles
    private let remove: @Sendable () throws -> Void
    private let isDone = Mutex(false)
    var name: String { files.name }

    init(_ files: any RemoteFiles, remove: @escaping @Sendable () throws -> Void) {
      self.files = files
      self.remove = remove
    }

    private func removeOnce() throws { try isDone.withLock { if !$0 { (_, $0) = (try remove(), true) } } }

    func present(among paths: [String]) async throws -> Set<String> {
      try removeOnce()
      return try await files.present(among: paths)
    }
    func read(_ landings: [Landing]) async throws {
      try removeOnce()
      try await files.read(landings)
    }
    func write(_ shipments: [Shipment]) async throws { try await files.write(shipments) }
  }

  private func place(_ name: String) throws -> (store: Store, files: Collecting) {
    let store = try Store(at: folder[name], files: .withoutSynchronising)
    let (source, large, path) = (here.store, here.large.digest, here.path(of: here.large.digest))
    return (
      store,
      Collecting(StoreFiles(store)) {
        try source.noteRemoved([large]) { _ in true }
        try FileManager.default.removeItem(atPath: path)
      }
    )
  }

  @Test func `Of a result that a collection removes meanwhile only the recipe is sent`() async throws {
    let target = try place("target")
    var push = Push(artefacts: [], records: [here.record])
    push.recorded = [here.tree]
    let outcome = try await push.run(from: here.store, to: target.files)
    #expect(outcome.records == 1)
    #expect(try target.store.record(here.record.key) == here.record)
    #expect(try !target.store.contains(here.tree.digest))
  }

  @Test func `A place to which an earlier brake has sent signatures is made to say that it has some`()
    async throws
  {
    let shelf = ShelfPlace()
    let push = Push(artefacts: [], records: [here.record])
    let signature = RecordSignature(record: here.record.digest, way: [], signature: "mine")
    try here.store.add([here.record.key: RecordSignatures([signature])])
    #expect(try await push.run(from: here.store, to: SegmentedFiles(shelf)).signatures == 1)
    let (path, mark) = Store.signedMark
    #expect(shelf.takeQuestions().filter { $0.hasPrefix("signatures/") }.last != path)
    #expect(shelf.bytes(path) == mark)
    try FileManager.default.removeItem(atPath: shelf.folder["store/" + path])
    #expect(try await push.run(from: here.store, to: SegmentedFiles(shelf)).signatures == 0)
    #expect(shelf.bytes(path) == mark)
  }

  @Test func `A name that somebody has given there meanwhile stays as it is`() async throws {
    let (shelf, other) = (ShelfPlace(), Digest(of: [7]))
    shelf.whenReading { if $0 == "format" { shelf.place(Array("\(other)\n".utf8), at: "refs/best") } }
    func push(_ ifTaken: Push.Reference.IfTaken) async throws {
      let reference = Push.Reference("best", to: here.large.digest, ifTaken: ifTaken)
      _ = try await Push(artefacts: [here.large], references: [reference]).run(from: here.store, to: shelf)
    }
    let error = await #expect(throws: Failure.self) { try await push(.refuse) }
    #expect(error?.code == .refused && shelf.bytes(StorePath.object(here.large.digest).text) != nil)
    try await push(.leave)
    #expect(try shelf.store.reference("best") == other)
    try await push(.move)
    #expect(try shelf.store.reference("best") == here.large.digest)
  }

  @Test func `Nothing is sent whose name is taken there`() async throws {
    let shelf = ShelfPlace()
    shelf.place(Array("\(Digest(of: [7]))\n".utf8), at: "refs/best")
    let reference = Push.Reference("best", to: here.large.digest, ifTaken: .refuse)
    let push = Push(artefacts: [here.large], references: [reference])
    let error = await #expect(throws: Failure.self) { try await push.run(from: here.store, to: shelf) }
    #expect(error?.code == .refused && shelf.names(in: "objects").isEmpty)
  }

  @Test func `What was asked for and a collection removes meanwhile is an error`() async throws {
    let target = try place("target")
    let push = Push(artefacts: [here.tree], records: [here.record])
    let error = await #expect(throws: Failure.self) { try await push.run(from: here.store, to: target.files) }
    #expect(error?.code == .notFound && error?.object == here.large.digest)
    #expect(try target.store.record(here.record.key) == nil)
  }
}
