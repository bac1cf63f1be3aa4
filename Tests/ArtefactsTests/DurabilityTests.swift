import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

@Suite struct DurabilityTests {
  let folder = TemporaryFolder()

  /// A folder with a subfolder, and the record of an action that made it.
  private func publish(_ store: Store, _ tree: String, files: Int) throws -> Record {
    let publication = store.publication()
    let artefact = try publication.add(path: tree)
    let log = try publication.add(bytes: Array("done\n".utf8))
    let record = Record(
      manifest: ["files": .integer(Int64(files))], outputs: [.init(name: "folder", artefact: artefact)],
      log: log.digest, stage: "make", sources: [:])
    try publication.add(record: record)
    try publication.commit()
    return record
  }

  /// Whether everything that records promise is there and right.
  private func check(_ store: Store) throws {
    for record in try store.records(damaged: { Issue.record($0) }) {
      for output in record.outputs { try store.verify(output.artefact.digest) }
      if let log = record.log { try store.verify(log) }
    }
    for digest in try store.objects() { try store.verify(digest) }
  }

  private func makeTree(files: Int) -> String {
    for index in 0..<files {
      folder.write("file \(index)", to: "tree/\(index % 2 == 0 ? "sub/" : "")\(index)")
    }
    return folder["tree"]
  }

  // One file is synchronised file by file, five with one call.
  @Test(arguments: [1, 5])
  func `What was committed survives a power cut at any call, and the store can be used afterwards`(files: Int)
    throws
  {
    let tree = makeTree(files: files)
    var calls = 0
    var failed = true
    while failed {
      calls += 1
      let root = folder["store-\(calls)"]
      let crashing = CrashingFileSystem(failingAt: calls, .stop, reads: false)
      var promised: Record?
      var crashed: Store?
      do {
        crashed = try Store(at: root, files: crashing)
        promised = try publish(#require(crashed), tree, files: files)
      } catch is Failure {}
      // Before the store is let go of: it then tidies up.
      failed = withExtendedLifetime(crashed) { crashing.hasFailed }
      crashed = nil
      // That it could not look for what others left is no failure.
      if !failed { #expect(promised != nil) }
      crashing.cutPower()

      let store = try Store(at: root, files: .withoutSynchronising)
      if let promised { #expect(try store.record(promised.key) == promised) }
      try check(store)
      let again = try publish(store, tree, files: files)
      #expect(try store.record(again.key) == again)
      try check(store)
    }
    #expect(calls > 15)
  }

  @Test func `A call that fails is an error that leaves neither damage nor files in tmp`() throws {
    let tree = makeTree(files: 3)
    var calls = 0
    var failed = true
    while failed {
      calls += 1
      let root = folder["store-\(calls)"]
      let failing = CrashingFileSystem(failingAt: calls, .error(ENOSPC), reads: false)
      var store: Store?
      do {
        store = try Store(at: root, files: failing)
        _ = try publish(#require(store), tree, files: 3)
      } catch let error as Failure {
        #expect(error.errno == ENOSPC)
      }
      failed = failing.hasFailed
      #expect(folder.temporaries(of: "store-\(calls)") == [])
      if failed {
        let store = try store ?? Store(at: root, files: failing)
        // The same process goes on.
        let record = try publish(store, tree, files: 3)
        #expect(try store.record(record.key) == record)
        try check(store)
      }
    }
    #expect(calls > 15)
  }

  @Test func `A reference is whole before and after a power cut`() throws {
    let old = Digest(of: [1])
    let new = Digest(of: [2])
    var calls = 0
    var failed = true
    while failed {
      calls += 1
      let root = folder["store-\(calls)"]
      try Store(at: root, files: .withoutSynchronising).setReference("a/b", to: old)
      let crashing = CrashingFileSystem(failingAt: calls, .stop, reads: false)
      var done = false
      do {
        try Store(at: root, files: crashing).setReference("a/b", to: new)
        done = true
      } catch is Failure {}
      failed = crashing.hasFailed
      crashing.cutPower()
      let found = try Store(at: root).reference("a/b")
      #expect(found == new || (!done && found == old))
    }
  }

  /// A result whose object and record are small.
  private func publish(_ number: Int, to store: Store) throws -> Record {
    let publication = store.publication()
    let artefact = try publication.add(bytes: Array("result \(number)".utf8))
    let record = Record(
      manifest: ["number": .integer(Int64(number))], outputs: [.init(name: "out", artefact: artefact)],
      log: nil, stage: "make", sources: [:])
    try publication.add(record: record)
    try publication.commit()
    return record
  }

  private func makeShelves(_ disk: CrashingFileSystem) throws {
    for kind in ["objects", "actions"] {
      for shelf in 0..<256 {
        _ = try disk.makeFolders(folder["store/\(kind)/\(shelf < 16 ? "0" : "")\(String(shelf, radix: 16))"])
      }
    }
  }

  @Test func `Shelves that others made and did not synchronise survive a power cut with what is put there`()
    throws
  {
    let disk = CrashingFileSystem.withoutSynchronising
    _ = try Store(at: folder["store"], files: disk).put([1])
    try makeShelves(disk)
    let records = try {
      let store = try Store(at: folder["store"], files: disk)
      return try (0..<3).map { try publish($0, to: store) }
    }()
    disk.cutPower()
    let store = try Store(at: folder["store"], files: disk)
    for record in records { #expect(try store.record(record.key) == record) }
    try check(store)
  }

  @Test(arguments: ["best", "runs/one", "a/b/c"])
  func `Folders of references that others made and did not synchronise survive with what is put there`(
    name: String
  ) throws {
    let disk = CrashingFileSystem.withoutSynchronising
    let digest = try Store(at: folder["store"], files: disk).put([1])
    for made in ["refs/runs", "refs/a/b"] { _ = try disk.makeFolders(folder["store/\(made)"]) }
    try {
      let store = try Store(at: folder["store"], files: disk)
      try store.setReference(name, to: digest)
    }()
    disk.cutPower()
    #expect(try Store(at: folder["store"], files: disk).reference(name) == digest)
  }

  @Test func `A folder of references that others made anew survives with what is put there`() throws {
    let disk = CrashingFileSystem.withoutSynchronising
    let digest = try Store(at: folder["store"], files: disk).put([1])
    try {
      let store = try Store(at: folder["store"], files: disk)
      try store.setReference("runs/of/one", to: digest)
      try store.removeReference("runs/of/one")
      _ = try disk.makeFolders(folder["store/refs/runs/of"])
      try store.setReference("runs/of/two", to: digest)
    }()
    disk.cutPower()
    #expect(try Store(at: folder["store"], files: disk).reference("runs/of/two") == digest)
  }

  @Test func `A folder that others make at the same time survives with what is put there`() throws {
    let disk = CrashingFileSystem.withoutSynchronising
    let (root, objects) = (folder["store"], folder["store/objects"])
    try disk.makeFolder(root)
    try disk.synchronise(folder.path)
    let intake = Intake(root: root, files: disk)
    try intake.settle(objects)
    _ = try disk.makeFolders(objects)
    for changed in try intake.prepareFolder(for: objects + "/ab/cdef") { try disk.synchronise(changed) }
    disk.cutPower()
    #expect(try disk.entry(objects + "/ab")?.isFolder == true)
  }

  @Test
  func `The folders of signatures that others made and did not synchronise survive with what is put there`()
    throws
  {
    let disk = CrashingFileSystem.withoutSynchronising
    let record = try publish(0, to: Store(at: folder["store"], files: disk))
    _ = try disk.makeFolders(folder["store/signatures/\(record.key.hex.prefix(2))"])
    let signatures = RecordSignatures([RecordSignature(record: record.digest, way: [], signature: "mine")])
    try {
      let store = try Store(at: folder["store"], files: disk)
      #expect(try store.add([record.key: signatures]) == 1)
    }()
    disk.cutPower()
    #expect(try Store(at: folder["store"], files: disk).signatures(of: record.key)?.all.count == 1)
  }

  @Test func `A result on shelves that were there costs four flushes, and the first of a process three more`()
    throws
  {
    let disk = CrashingFileSystem.withoutSynchronising
    _ = try Store(at: folder["store"], files: disk).put([1])
    try makeShelves(disk)
    let store = try Store(at: folder["store"], files: disk)
    try store.make()
    let costs = try (0..<5).map { number in
      let before = disk.flushes
      _ = try publish(number, to: store)
      return disk.flushes - before
    }
    #expect(costs == [7, 4, 4, 4, 4])
  }
}
