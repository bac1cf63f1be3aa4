import Foundation
import Support
import Synchronization
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// Many small results in segments at places that nobody can list.
@Suite struct SegmentedPlaceTests {
  private let shelf = ShelfPlace()

  private func push(_ results: ManyResults, to shelf: ShelfPlace) async throws -> Push.Outcome {
    try await results.push.run(from: results.store, to: SegmentedFiles(shelf))
  }

  private var segment: String { shelf.names(in: "segments").first { $0 != "replaced" } ?? "" }

  @Test func `Many small results go in one file, come back, and are not sent again`() async throws {
    let results = try ManyResults(100, records: 40)
    let outcome = try await push(results, to: shelf)
    #expect(outcome.objects == 101 && outcome.records == 40)
    #expect(shelf.names(in: "objects").isEmpty && shelf.names(in: "actions").isEmpty)
    #expect(shelf.names(in: "segments").count == 1 && shelf.names(in: "catalogue") == ["0"])
    #expect(shelf.bytes("format") == Array("brake store 2\n".utf8))
    #expect(shelf.takeQuestions().count < 12)
    try await results.expect(in: SegmentedFiles(shelf))
    #expect(shelf.takeQuestions().count < 30)
    // It is a store for whoever has it on a disk.
    try shelf.store.verify(results.tree.digest)
    for record in results.records { #expect(try shelf.store.record(record.key) == record) }
    #expect(try shelf.store.reference("best") == results.tree.digest)

    let again = try await push(results, to: shelf)
    #expect(again.objects == 0 && again.objectsThere == 101 && again.records == 0 && again.recordsThere == 40)
    #expect(shelf.names(in: "segments").count == 1 && shelf.names(in: "catalogue") == ["0"])
    #expect(shelf.takeQuestions().count < 12)
  }

  @Test func `Few small results have files of their own, also beside segments`() async throws {
    let few = try ManyResults(5, from: 1000)
    _ = try await push(few, to: shelf)
    #expect(shelf.names(in: "segments").isEmpty && shelf.names(in: "catalogue").isEmpty)
    #expect(shelf.bytes("format") == Array("brake store 1\n".utf8))
    let many = try ManyResults(40)
    _ = try await push(many, to: shelf)
    #expect(shelf.names(in: "segments").count == 1)
    for results in [few, many] { try await results.expect(in: SegmentedFiles(shelf)) }
    // One alone is found, too.
    let here = try TestStore(isEmpty: true)
    let one = try await RemoteStore(SegmentedFiles(shelf), scratch: here.store).fetch(many.files[7].digest)
    #expect(one == many.files[7])
  }

  @Test func `What is large and names what is small comes after it`() async throws {
    // A manifest of more than 16 KiB, in a folder with a small one.
    let results = try ManyResults(400)
    let publication = results.store.publication()
    let outer = try publication.add(folder: [("all", results.tree), ("one", results.files[0])])
    try publication.commit()
    let path = StorePath.object(results.tree.digest).text
    #expect(try results.store.bytes(of: results.tree.digest).count > 16 << 10)
    _ = try await Push(artefacts: [outer]).run(from: results.store, to: SegmentedFiles(shelf))
    let order = shelf.takeQuestions()
    let (segment, file, catalogue) = (
      order.firstIndex { $0.hasPrefix("segments/") && $0 != "segments/replaced" },
      order.firstIndex(of: path), order.lastIndex(of: "catalogue/0")
    )
    #expect(try #require(segment) < #require(catalogue) && #require(catalogue) < #require(file))
    // The folder that names the large one is alone, and has a file.
    #expect(shelf.bytes(StorePath.object(outer.digest).text) != nil)
    try shelf.store.verify(outer.digest)
  }

  @Test func `A place that cannot make a file only where there is none gets files`() async throws {
    let shelf = ShelfPlace(isExclusive: false)
    let results = try ManyResults(40, records: 20)
    _ = try await push(results, to: shelf)
    #expect(shelf.names(in: "segments").isEmpty && shelf.names(in: "catalogue").isEmpty)
    try await results.expect(in: SegmentedFiles(shelf))
    #expect(shelf.bytes("format") == Array("brake store 1\n".utf8))
  }

  @Test(arguments: [0, 2000])
  func `A place that hands out whole files only is read, too`(padding: Int) async throws {
    let shelf = ShelfPlace(handsOutParts: false)
    let results = try ManyResults(100, records: 20, padding: padding)
    _ = try await push(results, to: shelf)
    #expect(shelf.names(in: "segments").count == 1)
    try await results.expect(in: SegmentedFiles(shelf))
  }

  @Test func `On a full disk here each goes as the file that it is`() async throws {
    let results = try ManyResults(40, records: 20)
    var (calls, hasFailed) = (0, true)
    while hasFailed {
      calls += 1
      let shelf = ShelfPlace()
      shelf.place(Array("brake store 1\n".utf8), at: "format")
      let full = CrashingFileSystem(failingAt: calls, .error(ENOSPC), reads: false)
      var small = SmallShipments(
        of: try Store(at: results.folder["store"], files: full), to: SegmentedFiles(shelf),
        TransferProgress())
      for file in results.files {
        guard try await !small.take(file.digest) else { continue }
        try await shelf.write([
          Shipment(
            path: StorePath.object(file.digest).text, content: .object(file.digest, of: results.store))
        ])
      }
      try await small.send()
      hasFailed = full.hasFailed
      let there = try await SegmentedFiles(shelf).present(
        among: results.files.map { StorePath.object($0.digest).text })
      #expect(there.count == 40)
    }
  }

  @Test func `A catalogue that takes nothing more keeps nobody from sending files`() async throws {
    let results = try ManyResults(40, records: 20)
    shelf.place(Array("none of a catalogue".utf8), at: "catalogue/0")
    _ = try await push(results, to: shelf)
    #expect(shelf.names(in: "segments").isEmpty && shelf.bytes("format") == Array("brake store 1\n".utf8))
    try await results.expect(in: SegmentedFiles(shelf))
    let other = ShelfPlace()
    other.whenMaking { throw RemoteFailure.refused("the shelf", "answers 403") }
    _ = try await push(results, to: other)
    #expect(other.names(in: "catalogue").isEmpty)
    try await results.expect(in: SegmentedFiles(other))
  }

  /// What is told of what cannot be had of some results.
  private func failures(_ results: ManyResults, from files: SegmentedFiles) async throws -> [Failure] {
    let here = try TestStore(isEmpty: true)
    let publication = here.store.publication()
    return try await Array(
      RemoteStore(files, scratch: here.store).copy(
        results.files.map { WantedObject($0.digest, size: $0.size) }, to: publication
      ).values.map { try #require($0 as? Failure) })
  }

  @Test func `What may stand in a segment is not gone where the catalogue cannot be read`() async throws {
    let results = try ManyResults(60)
    _ = try await push(results, to: shelf)
    let cause = Mutex<RemoteFailure.Forbidden?>(nil)
    shelf.whenReading { path in
      guard path.hasPrefix("catalogue/") else { return }
      throw RemoteFailure.refused("the shelf", "does not answer", cause: cause.withLock(\.self))
    }
    let one = try await failures(results, from: SegmentedFiles(shelf))
    #expect(one.count == 60 && one.allSatisfy { "\($0)".contains("does not answer") })
    // A place that does not hand it out is one that has none.
    cause.withLock { $0 = RemoteFailure.Forbidden() }
    let two = try await failures(results, from: SegmentedFiles(shelf))
    #expect(two.count == 60 && !two.contains { "\($0)".contains("does not answer") })
  }

  @Test(arguments: [1, 60])
  func `What was put into a segment a moment ago is found`(count: Int) async throws {
    let files = SegmentedFiles(shelf)
    let results = try ManyResults(60)
    let wanted = results.files.prefix(count).map { WantedObject($0.digest, size: $0.size) }
    // The catalogue is looked at now, and names nothing.
    #expect(try await files.present(among: [StorePath.object(results.tree.digest).text]).isEmpty)
    _ = try await push(results, to: shelf)
    let here = try TestStore(isEmpty: true)
    let failures = try await RemoteStore(files, scratch: here.store).copy(
      wanted, to: here.store.publication())
    #expect(failures.isEmpty)
  }

  @Test func `A store that holds differences says so still`() async throws {
    shelf.place(Array("brake store 3\n".utf8), at: "format")
    let results = try ManyResults(40)
    _ = try await push(results, to: shelf)
    #expect(shelf.bytes("format") == Array("brake store 3\n".utf8))
    #expect(shelf.names(in: "catalogue") == ["0"])
    shelf.place(Array("brake store 9\n".utf8), at: "format")
    let more = try ManyResults(40, from: 100)
    _ = try await push(more, to: shelf)
    #expect(shelf.names(in: "catalogue") == ["0"])
  }

  @Test func `Several who write at once lose nothing`() async throws {
    let all = try (0..<6).map { try ManyResults(30, from: 100 * $0, records: 20) }
    let shelf = shelf
    try await withThrowingTaskGroup(of: Void.self) { group in
      for results in all {
        group.addTask { _ = try await results.push.run(from: results.store, to: SegmentedFiles(shelf)) }
      }
      try await group.waitForAll()
    }
    #expect(shelf.names(in: "catalogue") == (0..<6).map(String.init))
    for results in all { try await results.expect(in: SegmentedFiles(shelf)) }
  }

  @Test func `Who finds the number taken takes the next one`() async throws {
    let (shelf, other) = (shelf, try ManyResults(30, from: 500))
    let isFirst = Mutex(true)
    shelf.whenMaking {
      guard isFirst.withLock({ $0 }) else { return }
      isFirst.withLock { $0 = false }
      let entry = Catalogue.Entry(name: String(repeating: "a", count: 32), size: 100)
      shelf.place(Catalogue.bytes([entry]), at: "catalogue/0")
    }
    let results = try ManyResults(30)
    _ = try await push(results, to: shelf)
    shelf.whenMaking(nil)
    _ = try await push(other, to: shelf)
    #expect(shelf.names(in: "catalogue") == ["0", "1", "2"])
    // The segment that the first one names has gone.
    for results in [results, other] { try await results.expect(in: SegmentedFiles(shelf)) }
  }

  @Test func `Who is killed between segment and catalogue leaves nothing that leads nowhere`() async throws {
    let results = try ManyResults(30, records: 20)
    shelf.whenMaking { throw CancellationError() }
    await #expect(throws: CancellationError.self) { try await push(results, to: shelf) }
    #expect(shelf.names(in: "segments").count == 1 && shelf.names(in: "catalogue").isEmpty)
    #expect(shelf.names(in: "objects").isEmpty && shelf.names(in: "actions").isEmpty)
    #expect(shelf.names(in: "refs").isEmpty)
    shelf.whenMaking(nil)
    _ = try await push(results, to: shelf)
    try await results.expect(in: SegmentedFiles(shelf))
    // Whoever keeps the place adds what was forgotten.
    try shelf.store.catalogueSegments()
    let named = ["0", "1"].flatMap { Catalogue.entries(shelf.bytes("catalogue/" + $0) ?? []).map(\.name) }
    #expect(shelf.names(in: "segments").filter { $0 != "replaced" } == named.sorted())
  }

  @Test func `Damage in a segment is noticed, named, and made good by a file`() async throws {
    let results = try ManyResults(60, records: 20)
    _ = try await push(results, to: shelf)
    let sound = try #require(shelf.bytes("segments/\(segment)"))
    // In the first group, its head, and the seal.
    for place in [20, 60, sound.count - 2000, sound.count - 30, sound.count - 1] {
      var damaged = sound
      damaged[place] ^= 1
      shelf.place(damaged, at: "segments/\(segment)")
      let here = try TestStore(isEmpty: true)
      let publication = here.store.publication()
      let failures = try await RemoteStore(SegmentedFiles(shelf), scratch: here.store).copy(
        results.files.map { WantedObject($0.digest, size: $0.size) }, to: publication)
      #expect(failures.count == 60, "\(place)")
      for failure in failures.values {
        #expect("\(failure)".contains("the shelf has") && "\(failure)".contains("segments/"), "\(failure)")
      }
    }
    for file in results.files + [results.tree] {
      try await shelf.write([
        Shipment(path: StorePath.object(file.digest).text, content: .object(file.digest, of: results.store))
      ])
    }
    for record in results.records {
      try await shelf.write([
        Shipment(path: StorePath.record(record.key).text, content: .bytes(record.storedBytes))
      ])
    }
    try await results.expect(in: SegmentedFiles(shelf))
  }

  @Test func `A seal that lies is not believed`() async throws {
    let results = try ManyResults(60)
    _ = try await push(results, to: shelf)
    let sound = try #require(shelf.bytes("segments/\(segment)"))
    // The digests of the first two change places, with a check that fits.
    let length = try #require(SealedSegment.sealLength(sound, ofSize: sound.count))
    var seal = Array(sound.suffix(length))
    let first = seal.count - 24 - 61 * 44
    let (one, two) = (Array(seal[first + 32..<first + 44]), Array(seal[first + 76..<first + 88]))
    seal.replaceSubrange(first + 32..<first + 44, with: two)
    seal.replaceSubrange(first + 76..<first + 88, with: one)
    seal.replaceSubrange(
      seal.count - 16..<seal.count - 8, with: SegmentFormat.check(Array(seal.dropLast(16))))
    shelf.place(sound.dropLast(length) + seal, at: "segments/\(segment)")
    let here = try TestStore(isEmpty: true)
    let publication = here.store.publication()
    let failures = try await RemoteStore(SegmentedFiles(shelf), scratch: here.store).copy(
      results.files.map { WantedObject($0.digest, size: $0.size) }, to: publication)
    #expect(failures.values.allSatisfy { "\($0)".contains("damaged segment") })
    #expect(1...2 ~= failures.count)
    try publication.commit()
    for file in results.files where failures[file.digest] == nil { try here.store.verify(file.digest) }
  }

  @Test func `What is no catalogue is none`() async throws {
    let results = try ManyResults(40)
    _ = try await push(results, to: shelf)
    let name = segment
    for text in [
      "<html>", "", "x y\n", "\(name) 12345678901\n", "../\(name.dropFirst(3)) 5\n", "\(name)  5\n",
      "\(name) 99999999999999999999\n", "\(name)\n", "\(name.uppercased().replacing("0", with: "A")) 10\n",
    ] {
      shelf.place(Array(text.utf8), at: "catalogue/0")
      let there = try await SegmentedFiles(shelf).present(
        among: results.files.map { StorePath.object($0.digest).text })
      #expect(there.isEmpty, "\(text)")
      #expect(shelf.takeQuestions().filter { $0.hasPrefix("catalogue/") }.count < 20)
    }
    // One good line among others.
    shelf.place(Array("x\n\(name) 5\n\n".utf8), at: "catalogue/0")
    try await results.expect(in: SegmentedFiles(shelf))
    #expect(Catalogue.entries(Array("\(name) 5\n\(name) 1073741825\n".utf8)).map(\.size) == [5])
  }

  @Test func `A collection by who keeps the place is no matter`() async throws {
    let results = try ManyResults(60, records: 40, padding: 2000)
    _ = try await push(results, to: shelf)
    let files = SegmentedFiles(shelf)
    // It knows of the segment, and has not read it.
    #expect(try await files.present(among: [StorePath.object(results.files[0].digest).text]).count == 1)
    let store = try shelf.store
    let kept = results.files.prefix(20)
    let needed = NeededContents(
      objects: Set(kept.map(\.digest)), records: Set(results.records.prefix(20).map(\.key)))
    _ = try Sweep(of: store).setAside(allBut: needed, writtenBefore: .max, isTrial: false)
    #expect(shelf.names(in: "catalogue") == ["0", "1"])
    let here = try TestStore(isEmpty: true)
    let publication = here.store.publication()
    let failures = try await RemoteStore(files, scratch: here.store).copy(
      results.files.map { WantedObject($0.digest, size: $0.size) }, to: publication)
    #expect(failures.count == 40)
    try publication.commit()
    for file in kept { try here.store.verify(file.digest) }
  }

  /// A place with twenty segments, each named by a file of its own, and a store that has looked into all of them.
  private func makeKnown() async throws -> (all: [ManyResults], here: TestStore) {
    let all = try (0..<20).map { try ManyResults(20, from: 100 * $0) }
    for results in all { _ = try await push(results, to: shelf) }
    let here = try TestStore(isEmpty: true)
    try here.store.make()
    _ = shelf.takeQuestions()
    #expect(try await isThere(Digest(of: [7]), for: here) == false)
    #expect(shelf.takeQuestions().count > 40)
    return (all, here)
  }

  private func isThere(_ digest: Digest, for here: TestStore) async throws -> Bool {
    try await !RemoteStore(SegmentedFiles(shelf), scratch: here.store).present(among: [digest]).isEmpty
  }

  @Test func `What is known of segments is not asked for again, but whether they are there`() async throws {
    let (all, here) = try await makeKnown()
    #expect(try await isThere(Digest(of: [7]), for: here) == false)
    #expect(shelf.takeQuestions().count < 6)
    #expect(try await isThere(all[3].files[0].digest, for: here))
    #expect(shelf.takeQuestions().count < 8)
    let more = try ManyResults(20, from: 5000)
    _ = try await push(more, to: shelf)
    #expect(try await isThere(more.files[0].digest, for: here))
    for results in all { try await results.expect(in: SegmentedFiles(shelf)) }
    // What was kept and is damaged is as if it had not been kept.
    let index = try #require(
      try FileManager.default.contentsOfDirectory(atPath: here.folder["store/index"])
        .first { $0.hasPrefix("distant-") })
    let bytes = try #require(here.folder.read("store/index/" + index))
    for damaged in [[], Array(bytes.dropLast(9)), bytes.map { $0 == 0 ? 1 : $0 }] {
      here.folder.write(damaged, to: "store/index/" + index)
      #expect(try await isThere(all[3].files[0].digest, for: here))
      #expect(try await isThere(Digest(of: [7]), for: here) == false)
    }
    try FileManager.default.removeItem(atPath: shelf.folder["store/segments"])
    #expect(try await isThere(all[3].files[0].digest, for: here) == false)
  }

  @Test func `A catalogue that is another one than it was is read anew`() async throws {
    let (all, here) = try await makeKnown()
    // Another store was copied over this one, and has a file of its own in the middle.
    let other = ShelfPlace()
    let results = try ManyResults(20, from: 7000)
    _ = try await push(results, to: other)
    let name = try #require(other.names(in: "segments").first { $0 != "replaced" })
    shelf.place(try #require(other.bytes("segments/\(name)")), at: "segments/\(name)")
    shelf.place(try #require(other.bytes("catalogue/0")), at: "catalogue/5")
    let fetched = try await RemoteStore(SegmentedFiles(shelf), scratch: here.store).fetch(
      results.files[3].digest)
    #expect(fetched == results.files[3])
    // Somebody has everything named anew.
    try FileManager.default.removeItem(atPath: shelf.folder["store/catalogue"])
    try shelf.store.catalogueSegments()
    #expect(shelf.names(in: "catalogue") == ["0"])
    for results in all { #expect(try await isThere(results.files[0].digest, for: here)) }
    #expect(try await isThere(results.files[0].digest, for: here))
  }

  @Test(arguments: [true, false])
  func `Small segments that are too many to be kept are asked for again`(handsOutParts: Bool) async throws {
    let shelf = ShelfPlace(handsOutParts: handsOutParts)
    _ = try await push(ManyResults(20), to: shelf)
    let catalogue = try #require(shelf.bytes("catalogue/0"))
    let entry = try #require(Catalogue.entries(catalogue).first)
    let room = SegmentRoom()
    while room.takesWhole(1 << 20) {}
    let full = DistantSegment(entry, of: shelf, room, nil)
    let kept = DistantSegment(entry, of: shelf, SegmentRoom(), nil)
    let bytes = try #require(shelf.bytes("segments/\(entry.name)"))
    for segment in [full, kept] {
      try await segment.look()
      _ = shelf.takeQuestions()
      #expect(try await segment.bytes(16..<60) == Array(bytes[16..<60]))
      #expect(shelf.takeQuestions().isEmpty == (segment === kept))
    }
  }

  @Test func `Who waits for a whole segment is not ended by another one's giving up`() async throws {
    let shelf = shelf
    _ = try await push(ManyResults(100, padding: 2000), to: shelf)
    let catalogue = try #require(shelf.bytes("catalogue/0"))
    let entry = try #require(Catalogue.entries(catalogue).first)
    let path = "segments/\(entry.name)"
    let bytes = try #require(shelf.bytes(path))
    let segment = DistantSegment(entry, of: shelf, SegmentRoom(), nil)
    try await segment.look()
    shelf.stopHandingOutParts()
    _ = shelf.takeQuestions()
    let readings = Atomic(0)
    shelf.whenReading { _ in
      guard readings.add(1, ordering: .sequentiallyConsistent).newValue == 1 else { return }
      while !Task.isCancelled { usleep(1000) }
      throw CancellationError()
    }
    let first = Task { try await segment.bytes(16..<60) }
    while readings.load(ordering: .sequentiallyConsistent) == 0 {
      try await Task.sleep(for: .milliseconds(1))
    }
    _ = shelf.takeQuestions()
    let second = Task { try await segment.bytes(16..<60) }
    // Both have asked for a part, and wait for the same.
    while shelf.takeQuestions() != [path] { try await Task.sleep(for: .milliseconds(1)) }
    try await Task.sleep(for: .milliseconds(100))
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    #expect(try await second.value == Array(bytes[16..<60]))
  }
}
