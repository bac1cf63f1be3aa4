import Foundation
import JSON
import Support
import Synchronization
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// A folder that hands out its files and takes new ones as a web server does, without looking at them, and counts what it is asked.
final class ShelfPlace: ExclusiveFiles {
  let name = "the shelf"
  let folder = TemporaryFolder()
  /// What it hands out: files as a whole, or parts as well.
  private let handsOutParts: Atomic<Bool>
  private let isExclusive: Bool
  private let asked = Mutex<[String]>([])
  /// Called before a file is made exclusively.
  private let beforeMaking = Mutex<(@Sendable () throws -> Void)?>(nil)
  /// Called with the name of each file before it is read as a whole.
  private let beforeReading = Mutex<(@Sendable (String) throws -> Void)?>(nil)

  init(handsOutParts: Bool = true, isExclusive: Bool = true) {
    self.handsOutParts = Atomic(handsOutParts)
    self.isExclusive = isExclusive
  }

  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  /// What was asked since this was last called.
  func takeQuestions() -> [String] {
    asked.withLock { asked in
      defer { asked = [] }
      return asked
    }
  }

  func whenMaking(_ body: (@Sendable () throws -> Void)?) { beforeMaking.withLock { $0 = body } }

  func whenReading(_ body: (@Sendable (String) throws -> Void)?) { beforeReading.withLock { $0 = body } }

  func stopHandingOutParts() { handsOutParts.store(false, ordering: .sequentiallyConsistent) }

  func bytes(_ path: String) -> [UInt8]? { folder.read("store/" + path) }

  func names(in path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder["store/" + path])) ?? []).sorted()
  }

  func place(_ bytes: [UInt8], at path: String) {
    try? FileManager.default.removeItem(atPath: folder["store/" + path])
    folder.write(bytes, to: "store/" + path)
  }

  // MARK: What a place does

  func present(among paths: [String]) async throws -> Set<String> {
    asked.withLock { $0 += paths }
    return Set(paths.filter { bytes($0) != nil })
  }

  func read(_ landings: [Landing]) async throws {
    for landing in landings {
      asked.withLock { $0.append(landing.path) }
      do { try beforeReading.withLock(\.self)?(landing.path) } catch {
        landing.fail(error)
        continue
      }
      guard let bytes = bytes(landing.path) else {
        landing.miss()
        continue
      }
      do {
        try bytes.withUnsafeBytes { try landing.append($0, from: name) }
        landing.arrive()
      } catch { landing.fail(error) }
    }
  }

  func read(_ part: WantedPart, of path: String) throws -> FilePart {
    asked.withLock { $0.append(path) }
    guard let bytes = bytes(path) else { return .missing }
    guard handsOutParts.load(ordering: .sequentiallyConsistent) else { return .wholeOnly }
    return .bytes(Array(bytes[part.range(in: bytes.count)]), ofSize: bytes.count)
  }

  func write(_ shipments: [Shipment]) async throws {
    for shipment in shipments {
      asked.withLock { $0.append(shipment.path) }
      if bytes(shipment.path) != nil, !shipment.isReplacing { continue }
      switch shipment.content {
      case .bytes(let bytes): place(bytes, at: shipment.path)
      case .file(let path):
        place([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))), at: shipment.path)
      case .object(let digest, of: let store):
        try store.withObjectFile(digest) {
          place([UInt8](try Data(contentsOf: URL(fileURLWithPath: $0))), at: shipment.path)
        }
      }
    }
  }

  func makesExclusively(beside format: [UInt8]) async throws -> Bool { isExclusive }

  func make(_ path: String, _ bytes: [UInt8]) async throws -> Bool {
    try beforeMaking.withLock(\.self)?()
    asked.withLock { $0.append(path) }
    let target = folder["store/" + path]
    let temporary = folder.write(bytes, to: "temporary-\(UUID())")
    try FileManager.default.createDirectory(
      atPath: folder["store/catalogue"], withIntermediateDirectories: true)
    let isMade = link(temporary, target) == 0
    try FileManager.default.removeItem(atPath: temporary)
    return isMade
  }
}

/// A store with many small results of one run: a folder of them, and records of some.
struct ManyResults {
  let folder = TemporaryFolder()
  let store: Store
  let tree: Artefact
  let files: [Artefact]
  let records: [Record]

  /// - Parameter padding: bytes at random that each result has besides.
  init(_ count: Int, from first: Int = 0, records recordCount: Int = 0, padding: Int = 0) throws {
    store = try Store(at: folder["store"], files: .withoutSynchronising)
    let publication = store.publication()
    files = try (first..<first + count).map {
      try publication.add(
        bytes: Array("result \($0)".utf8) + (0..<padding).map { _ in UInt8.random(in: 0...255) })
    }
    tree = try publication.add(folder: files.enumerated().map { ("\($0.offset).txt", $0.element) })
    records = files.prefix(recordCount).enumerated().map { number, file in
      Record(
        manifest: ["operation": "test", "number": .integer(Int64(first + number))],
        outputs: [.init(name: "o", artefact: file)], log: nil, stage: "s", sources: [:])
    }
    for record in records { try publication.add(record: record) }
    try publication.commit()
  }

  var push: Push { Push(artefacts: [tree], records: records, references: [.init("best", to: tree.digest)]) }

  /// Fetches all of it from a place into a store of its own.
  func expect(in files: any RemoteFiles) async throws {
    let here = try TestStore(isEmpty: true)
    let remote = RemoteStore(files, scratch: here.store)
    #expect(try await remote.fetch(tree.digest) == tree)
    try here.store.verify(tree.digest)
    for file in self.files { try here.store.verify(file.digest) }
    let found = try await remote.records(for: records.map(\.key))
    #expect(found == Dictionary(uniqueKeysWithValues: records.map { ($0.key, $0) }))
  }
}
