import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

/// Every call that an operation makes fails once, is cut short, or is the last. Whatever happens, nothing that was
/// acknowledged is lost, nothing wrong is told, nothing sound is moved away, and the next try succeeds.
@Suite struct FaultTests {
  let folder = TemporaryFolder()

  /// What a store holds before the operation: a folder with a subfolder and one larger file, and its record.
  private struct Past {
    let tree: Artefact
    let record: Record
  }

  private let large = mixed(40_000)

  private func source() -> String {
    for name in ["a", "b", "sub/c", "sub/d"] { folder.write("in \(name)", to: "source/" + name) }
    folder.write(large, to: "source/large")
    return folder["source"]
  }

  private func publish(_ store: Store, _ path: String, _ number: Int64 = 0) throws -> Past {
    let publication = store.publication()
    let tree = try publication.add(path: path)
    let log = try publication.add(bytes: Array("done \(number)\n".utf8))
    let record = Record(
      manifest: ["number": .integer(number)], outputs: [.init(name: "folder", artefact: tree)],
      log: log.digest, stage: "make", sources: [:])
    try publication.add(record: record)
    try publication.commit()
    return Past(tree: tree, record: record)
  }

  enum Operation: String, CaseIterable {
    case put, putAgain, get, verify, lookUp, name, remember
  }

  /// Performs an operation and checks what it says.
  private func perform(_ operation: Operation, _ store: Store, _ past: Past, _ out: String) throws {
    switch operation {
    case .put:
      let new = try publish(store, folder["new"], 1)
      try checkSound(root: store.root)
      #expect(try Store(at: store.root).record(new.record.key) == new.record)
      #expect(try Store(at: store.root).isWhole(new.tree))
    case .putAgain: #expect(try publish(store, folder["source"]).tree == past.tree)
    case .get:
      try store.restore(past.tree.digest, to: out)
      #expect(try StatCache(store: Store(at: store.root)).artefact(at: out) == past.tree)
    case .verify: try store.verify(past.tree.digest)
    case .lookUp:
      #expect(try store.record(past.record.key) == past.record)
      #expect(try store.losses(of: past.record).isEmpty)
      #expect(try store.records(damaged: { _ in }).count <= 1)
    case .name:
      try store.setReference("a/b", to: past.tree.digest)
      #expect(try store.reference("a/b") == past.tree.digest)
      #expect(try store.references() == ["a/b"])
    case .remember:
      let cache = StatCache(store: store)
      #expect(try cache.artefact(at: folder["source"]) == past.tree)
      try cache.save()
    }
  }

  private func checkSound(root: String) throws {
    let store = try Store(at: root)
    for digest in try store.objects() { _ = try store.verifyAlone(digest) }
    for record in try store.records(damaged: { Issue.record($0) }) {
      #expect(try store.losses(of: record).isEmpty)
    }
  }

  private func names(in path: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
  }

  @Test(arguments: Operation.allCases, [Fault.error(EIO), .short, .stop])
  func `No fault loses what is stored, moves it away or makes a wrong answer`(
    operation: Operation, fault: Fault
  ) throws {
    let source = source()
    folder.write("one", to: "new/1")
    folder.write("two", to: "new/sub/2")
    let original = folder["original"]
    let past = try publish(Store(at: original, files: .withoutSynchronising), source)

    var points = 0
    var failed = true
    while failed {
      points += 1
      let root = folder["store"]
      let out = folder["places/out"]
      for path in [root, folder["places"]] { try? FileManager.default.removeItem(atPath: path) }
      try FileManager.default.createDirectory(atPath: folder["places"], withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: original, toPath: root)

      let faulty = CrashingFileSystem(failingAt: points, fault)
      do {
        try perform(operation, Store(at: root, files: faulty), past, out)
      } catch let error as Failure {
        #expect(error.code != .damaged, "\(error)")
      }
      failed = faulty.wasReached

      #expect(names(in: root + "/quarantine") == [])
      if fault != .stop {
        // The thread that gives signs of life may be the last to let go of the folder.
        for _ in 0..<200 where names(in: root + "/tmp") != [] { usleep(10_000) }
        #expect(names(in: root + "/tmp") == [])
        #expect(names(in: folder["places"]).allSatisfy { $0 == "out" })
      }
      try checkSound(root: root)
      try Store(at: root).verify(past.tree.digest)
      // The next one, without a fault.
      try? FileManager.default.removeItem(atPath: folder["places/out"])
      try perform(operation, Store(at: root, files: .withoutSynchronising), past, out)
    }
    print("faults: \(operation.rawValue), \(fault.testDescription): \(points) points")
    #expect(points > 3)
  }

  @Test func `Wherever a commit is killed, no tree is in the store before what it names`() throws {
    for index in 0..<12 { folder.write("file \(index)", to: "source/\(index % 3)/\(index)") }
    var points = 0
    var failed = true
    while failed {
      points += 1
      let root = folder["store"]
      try? FileManager.default.removeItem(atPath: root)
      let killed = CrashingFileSystem(failingAt: points, .stop, reads: false)
      _ = try? publish(Store(at: root, files: killed), folder["source"])
      failed = killed.hasFailed
      let store = try Store(at: root)
      for digest in try store.objects() {
        #expect(try store.isWhole(store.artefact(digest)), "killed at call \(points)")
      }
    }
    print("faults: commit, killed: \(points) points")
    #expect(points > 40)
  }

  @Test(arguments: [1, 9])
  func `A write that fails only when the system gets to it is an error of the commit`(files: Int) throws {
    for index in 0..<files { folder.write("file \(index)", to: "source/\(index)") }
    // What is written before the publication, to make the store, is another matter.
    var points = 0
    var failed = true
    while failed {
      points += 1
      let root = folder["store"]
      try? FileManager.default.removeItem(atPath: root)
      _ = try publish(Store(at: root, files: .withoutSynchronising), folder.write("first", to: "first"))
      let losing = CrashingFileSystem(failingAt: points, .late, reads: false)
      let done = (try? publish(Store(at: root, files: losing), folder["source"], 1)) != nil
      failed = losing.hasFailed
      #expect(done == !failed)
    }
    print("faults: commit of \(files), late write errors: \(points) points")
    #expect(points > files)
  }

  @Test func `An object that cannot be read stays where it is, and is replaced when its bytes are put again`()
    throws
  {
    let root = folder["store"]
    let source = folder.write(large, to: "file")
    let sound = try Store(at: root, files: .withoutSynchronising)
    let first = sound.publication()
    let digest = try first.add(path: source).digest
    try first.commit()

    let inode = try #require(try sound.files.status(sound.objectPath(digest))).inode
    let store = try Store(at: root, files: CrashingFileSystem(failingAt: .max, .stop, badFile: inode))
    let error = #expect(throws: Failure.self) { try store.verify(digest) }
    #expect(error?.code == .unreadable && error?.object == digest)
    #expect(try store.contains(digest))
    #expect(names(in: root + "/quarantine") == [])

    let publication = store.publication()
    _ = try publication.add(path: source)
    try publication.commit()
    try store.verify(digest)
    #expect(names(in: root + "/quarantine").count == 1)
  }
}
