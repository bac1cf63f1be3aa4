import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// Many small results on their way over pipes, through folders and through OpenSSH's server of SFTP.
@Suite struct SegmentTransferTests {
  private static let program = ["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }
  private let folder = TemporaryFolder()

  private func names(in path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder[path])) ?? []).filter { $0 != "replaced" }
      .sorted()
  }

  private func target() throws -> Store { try Store(at: folder["target"], files: .withoutSynchronising) }

  @Test func `Over a pipe they go as one, and are taken apart`() async throws {
    let results = try ManyResults(100, records: 40)
    let store = try target()
    let pair = try PipePair(store, isReadOnly: false)
    let outcome = try await results.push.run(from: results.store, to: pair.client)
    #expect(outcome.objects == 101 && outcome.records == 40)
    #expect(names(in: "target/segments").count == 1 && names(in: "target/actions").isEmpty)
    try store.verify(results.tree.digest)
    for record in results.records { #expect(try store.record(record.key) == record) }
    try await results.expect(in: pair.client)
    let again = try await results.push.run(from: results.store, to: pair.client)
    #expect(again.objects == 0 && again.objectsThere == 101 && again.recordsThere == 40)
    // It can be served as it is.
    #expect(names(in: "target/catalogue") == ["0"])
  }

  @Test func `An older brake at the other end is sent files`() async throws {
    // It knows of no segments: to that question it says that there is no such file, like to any that follows.
    let script = """
      head -c 15 > /dev/null; printf 'brake remote 1\\n'; head -c 15 > /dev/null; printf '\\000'; cat > /dev/null
      """
    let files = PipeFiles(["/bin/sh", "-c", script], name: "the other end")
    #expect(try await !files.takesSegments())
    #expect(try await !files.takesSegments())
  }

  @Test func `Who takes a segment apart gives signs of life`() async throws {
    let script = """
      head -c 15 > /dev/null; printf 'brake remote 1\\n'; head -c 15 > /dev/null; printf '\\001\\003\\003\\001'
      cat > /dev/null
      """
    let files = PipeFiles(["/bin/sh", "-c", script], name: "the other end")
    let results = try ManyResults(20)
    let segment = try OutgoingSegment(of: results.store)
    for file in results.files { #expect(try segment.add(file.digest)) }
    try segment.finish()
    #expect(try await files.add(segment))
  }

  @Test func `A store that is served for reading takes no segment, and the talk goes on`() async throws {
    let results = try ManyResults(40)
    let pair = try PipePair(results.store, isReadOnly: true)
    let segment = try OutgoingSegment(of: results.store)
    for file in results.files { #expect(try segment.add(file.digest)) }
    try segment.finish()
    let files = try #require(pair.client as? any SegmentTaking)
    await #expect { try await files.add(segment) } throws: { "\($0)".contains("served for reading only") }
    #expect(try await files.present(among: [StorePath.object(results.tree.digest).text]).count == 1)
  }

  @Test func `What comes as a segment and is none, or damaged, is refused, and adds nothing that is wrong`()
    async throws
  {
    let results = try ManyResults(40, records: 20)
    let segment = try OutgoingSegment(of: results.store)
    for file in results.files { #expect(try segment.add(file.digest)) }
    for record in results.records { #expect(try segment.add(record)) }
    try segment.finish()
    let sound = try #require(FileManager.default.contents(atPath: segment.path).map { [UInt8]($0) })
    let store = try target()
    try store.make()
    var generator = Mutator(seed: 5)
    for turn in 0..<200 {
      let bytes = turn == 0 ? [] : turn == 1 ? Array(sound.dropLast(300)) : generator.mutated(sound)
      if bytes == sound { continue }
      let path = folder.write(bytes, to: "segment")
      do { try store.takeApart(segment: path) } catch let error as Failure {
        #expect([.damaged, .newer, .refused].contains(error.code), "\(error)")
      }
    }
    for digest in try store.objects() { try store.verify(digest) }
    #expect(Set(try store.objects()).isSubset(of: Set(results.files.map(\.digest))))
  }

  @Test func `Into a folder they go together, unless each is to have a file`() async throws {
    let results = try ManyResults(100, records: 20)
    _ = try await results.push.run(from: results.store, to: StoreFiles(target()))
    #expect(names(in: "target/segments").count == 1 && names(in: "target/actions").isEmpty)
    try target().verify(results.tree.digest)
    let apart = try Store(at: folder["apart"], files: .withoutSynchronising)
    _ = try await results.push.run(from: results.store, to: StoreFiles(apart, gathers: false))
    #expect(names(in: "apart/segments").isEmpty && names(in: "apart/actions").count > 5)
    try apart.verify(results.tree.digest)
  }

  @Test(arguments: [true, false])
  func `What records name and was not sent is not lost there`(_ isOverPipe: Bool) async throws {
    let results = try ManyResults(20, records: 20)
    let store = try target()
    let pair = try PipePair(store, isReadOnly: false)
    let files: any RemoteFiles = isOverPipe ? pair.client : StoreFiles(store)
    let sent = results.files.prefix(4)
    _ = try await Push(artefacts: Array(sent), records: results.records).run(from: results.store, to: files)
    #expect(names(in: "target/segments").count == 1)
    #expect(try store.removedObjects() == Set(results.files.dropFirst(4).map(\.digest)))
  }

  @Test func `What comes many at once shares a segment here, too`() async throws {
    let results = try ManyResults(100)
    let store = try target()
    let remote = RemoteStore(StoreFiles(results.store), scratch: store)
    #expect(try await remote.fetch(results.tree.digest) == results.tree)
    #expect(names(in: "target/catalogue") == ["0"])
    #expect(names(in: "target/segments").count == 1 && names(in: "target/objects").count <= 1)
    try store.verify(results.tree.digest)
  }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func `With SFTP they go as one, and two who send at once lose nothing`() async throws {
    let all = try (0..<3).map { try ManyResults(60, from: 100 * $0, records: 20) }
    let place = folder["a/store"]
    @Sendable func files() -> SegmentedFiles {
      SegmentedFiles(SFTPFiles([SegmentTransferTests.program ?? ""], root: place, name: "the machine"))
    }
    _ = try await all[0].push.run(from: all[0].store, to: files())
    #expect(names(in: "a/store/segments").count == 1 && names(in: "a/store/objects").isEmpty)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for results in all.dropFirst() {
        group.addTask { _ = try await results.push.run(from: results.store, to: files()) }
      }
      try await group.waitForAll()
    }
    #expect(names(in: "a/store/catalogue") == ["0", "1", "2"] && names(in: "a/store/tmp").isEmpty)
    for results in all { try await results.expect(in: files()) }
    let again = try await all[1].push.run(from: all[1].store, to: files())
    #expect(again.objects == 0 && again.records == 0)
    #expect(folder.read("a/store/format") == Array("brake store 2\n".utf8))
    // Such a server's rename replaces nothing.
    let format = Array("brake store 3\n".utf8)
    let server = SFTPFiles([SegmentTransferTests.program ?? ""], root: place, name: "the machine")
    #expect(try await server.makesExclusively(beside: format))
    #expect(folder.read("a/store/format") != format && names(in: "a/store/tmp").isEmpty)
  }

  @Test func `A record that was made anew in the place itself counts`() async throws {
    let shelf = ShelfPlace()
    let results = try ManyResults(40, records: 30)
    _ = try await results.push.run(from: results.store, to: SegmentedFiles(shelf))
    let old = results.records[3]
    let new = Record(
      manifest: old.manifest, outputs: [.init(name: "o", artefact: results.files[20])], log: nil, stage: "s",
      sources: [:])
    let store = try shelf.store
    let publication = store.publication()
    try publication.add(record: new)
    try publication.commit()
    let here = try TestStore(isEmpty: true)
    let found = try await RemoteStore(SegmentedFiles(shelf), scratch: here.store).records(
      for: results.records.map(\.key))
    #expect(found.count == 30 && found[old.key] == new)
  }

  @Test func `A store tells of its segments when they are sealed, of each once`() async throws {
    let store = try target()
    for turn in 0..<3 {
      try Publication.commit(
        (0..<20).map { number in
          let publication = store.publication()
          let file = try publication.add(bytes: Array("\(turn) \(number)".utf8))
          try publication.add(
            record: Record(
              manifest: ["turn": .integer(Int64(turn)), "number": .integer(Int64(number))],
              outputs: [.init(name: "o", artefact: file)], log: nil, stage: "s", sources: [:]))
          return publication
        })
      #expect(names(in: "target/catalogue").count == turn)
      store.sealSegment()
      store.sealSegment()
      #expect(names(in: "target/catalogue").count == turn + 1)
    }
    try store.catalogueSegments()
    let entries = try ["0", "1", "2"].flatMap {
      Catalogue.entries(try #require(folder.read("target/catalogue/" + $0)))
    }
    #expect(entries.map(\.name).sorted() == names(in: "target/segments"))
    for entry in entries { #expect(folder.read("target/segments/" + entry.name)?.count == entry.size) }
    // One that was there before there was a catalogue is named, too.
    try FileManager.default.removeItem(atPath: folder["target/catalogue"])
    try target().catalogueSegments()
    #expect(Catalogue.entries(try #require(folder.read("target/catalogue/0"))).count == 3)
    #expect(names(in: "target/catalogue") == ["0"])
  }
}
