import Foundation
import JSON
import Support
import Synchronization
import System
import Testing

@testable import Artefacts

/// A small result: an output of a few bytes, a log that many share, and the record.
struct SmallResult {
  let number: Int
  var output: [UInt8] { Array("output \(number)".utf8) }
  var record: Record { record(of: output) }

  func record(of output: [UInt8]) -> Record {
    Record(
      manifest: [
        "command": .string("head -c 64 source-\(number) > output.txt"), "number": .integer(Int64(number)),
      ],
      outputs: [
        .init(name: "output", artefact: Artefact(digest: Digest(of: output), kind: .blob, size: output.count))
      ], log: Digest(of: SmallResult.log), stage: "stage-\(number)", sources: [:])
  }

  static let log = Array("done\n".utf8)

  /// On its way into a store, perhaps with another output than it should have.
  func publication(in store: Store, output: [UInt8]? = nil, isReplacing: Bool = false) throws -> Publication {
    let publication = store.publication()
    _ = try publication.add(bytes: output ?? self.output)
    _ = try publication.add(bytes: SmallResult.log)
    try publication.add(record: record(of: output ?? self.output), isReplacing: isReplacing)
    return publication
  }
}

extension Store {
  /// Commits results at once.
  @discardableResult func publish(
    _ numbers: some Sequence<Int>, output: [UInt8]? = nil, isReplacing: Bool = false
  ) throws -> [Digest] {
    try Publication.commit(
      numbers.map {
        try SmallResult(number: $0).publication(in: self, output: output, isReplacing: isReplacing)
      })
  }
}

@Suite struct SegmentTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  func names(in path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder["store/" + path])) ?? []).sorted()
  }

  /// The names of the segments.
  var segments: [String] { names(in: "segments").filter { $0 != "replaced" } }

  func check(_ numbers: some Sequence<Int>, in store: Store) throws {
    for number in numbers {
      let result = SmallResult(number: number)
      #expect(try store.record(result.record.key) == result.record)
      #expect(try store.bytes(of: Digest(of: result.output)) == result.output)
      #expect(try store.isWhole(result.record.outputs[0].artefact))
    }
  }

  @Test func `Threads that begin segments find what others of the process have committed`() throws {
    let store = try store
    try store.publish(0..<16)
    let faults = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 6) { thread in
      for round in 0..<25 {
        let numbers = (1 + thread * 25 + round) * 100..<(1 + thread * 25 + round) * 100 + 16
        do {
          try store.publish(numbers)
          if round % 2 == thread % 2 { store.sealSegment() }
          for number in numbers where try store.record(SmallResult(number: number).record.key) == nil {
            faults.withLock { $0.append("\(number) is not found") }
          }
        } catch {
          faults.withLock { $0.append("\(error)") }
        }
      }
    }
    #expect(faults.withLock { $0 } == [])
    for thread in 0..<6 { try check((1 + thread * 25) * 100..<(1 + thread * 25) * 100 + 16, in: self.store) }
  }

  @Test func `Sixteen small results go into one segment, fifteen into files of their own`() throws {
    try store.publish(0..<15)
    #expect(segments == [] && names(in: "actions").count > 0)
    #expect(folder.read("store/format") == Array("brake store 1\n".utf8))
    try? FileManager.default.removeItem(atPath: folder["store"])

    try store.publish(0..<16)
    #expect(segments.count == 1 && names(in: "objects") == [] && names(in: "actions") == [])
    #expect(folder.read("store/format") == Array("brake store 2\n".utf8))
    try check(0..<16, in: store)
  }

  @Test(arguments: [false, true])
  func `What is in segments is seen like what has files of its own`(isSealed: Bool) throws {
    let writer = try store
    try writer.publish(0..<20)
    try writer.publish(20..<30)
    try writer.publish(30..<50)
    if isSealed { writer.sealSegment() }
    for store in [writer, try store] {
      try check(0..<50, in: store)
      let digests =
        (0..<50).map { Digest(of: SmallResult(number: $0).output) } + [Digest(of: SmallResult.log)]
      #expect(try store.objects() == digests.sorted())
      let keys = (0..<50).map { SmallResult(number: $0).record.key }.sorted()
      #expect(try store.digests(under: "actions") == keys)
      #expect(try store.records(damaged: { Issue.record($0) }).count == 50)
      for key in keys {
        #expect(try store.recordKeys(startingWith: String(key.hex.prefix(9))) == [key])
      }
      for digest in digests {
        #expect(try store.resolve(String(digest.hex.prefix(10))) == digest)
        #expect(try store.objects(startingWith: String(digest.hex.prefix(10))) == [digest])
        #expect(try store.verifyAlone(digest) == .blob)
        #expect(try store.info(digest).codecs == ["plain": 1])
        let object = try store.object(digest)
        var bytes = [UInt8](repeating: 0, count: 3)
        try bytes.withUnsafeMutableBytes { try object.read(into: $0, at: object.size - 3) }
        #expect(try store.bytes(of: digest).suffix(3) == bytes[...])
      }
      try store.restore(digests[3], to: folder["restored"])
      #expect(folder.read("restored") == SmallResult(number: 3).output)
      #expect(throws: Failure.self) { try store.stream(Digest(of: [1, 2])) { _ in } }
      #expect(try store.record(Digest(of: [1, 2])) == nil)
    }
  }

  @Test func `Trees, empty objects and objects that many results share stand in segments`() throws {
    folder.write("a", to: "tree/a")
    folder.write("", to: "tree/sub/empty")
    let writer = try store
    let same = try (0..<20).map { number in
      let publication = writer.publication()
      let tree = try publication.add(path: folder["tree"])
      try publication.add(
        record: Record(
          manifest: ["n": .integer(Int64(number))], outputs: [.init(name: "t", artefact: tree)], log: nil,
          stage: "s", sources: [:]))
      return publication
    }
    try Publication.commit(same)
    #expect(segments.count == 1 && names(in: "objects") == [])
    let tree = try StatCache(store: writer).artefact(at: folder["tree"])
    for store in [writer, try store] {
      #expect(try store.artefact(tree.digest) == tree)
      #expect(try store.isWhole(tree))
      try store.verify(tree.digest)
    }
    try writer.restore(tree.digest, to: folder["out"])
    #expect(folder.read("out/sub/empty") == [])
  }

  @Test func `A result with something large gets files of its own, in the same commit`() throws {
    let store = try store
    let large = store.publication()
    let artefact = try large.add(bytes: mixed(100_000))
    let record = Record(
      manifest: ["large": true], outputs: [.init(name: "o", artefact: artefact)], log: nil, stage: "large",
      sources: [:])
    try large.add(record: record)
    try Publication.commit([large] + (0..<20).map { try SmallResult(number: $0).publication(in: store) })
    #expect(names(in: "objects").count == 1 && names(in: "actions").count == 1 && segments.count == 1)
    try check(0..<20, in: self.store)
    #expect(try self.store.record(record.key) == record)
    #expect(folder.temporaries(of: "store") == [])
  }

  @Test func `What is wrong with one of many in a commit keeps no other out of the store`() throws {
    let store = try store
    func large(_ number: Int) throws -> (publication: Publication, record: Record) {
      let publication = store.publication()
      let shared = try publication.add(bytes: mixed(120_000))
      let own = try publication.add(bytes: mixed(100_000 + number))
      let record = Record(
        manifest: ["large": .integer(Int64(number))],
        outputs: [.init(name: "shared", artefact: shared), .init(name: "own", artefact: own)], log: nil,
        stage: "large", sources: [:])
      try publication.add(record: record)
      return (publication, record)
    }
    let all = try (0..<3).map(large)
    let lost = try #require(all[1].publication.file(of: all[1].record.outputs[1].artefact.digest))
    try FileManager.default.removeItem(atPath: lost)
    let small = try (0..<20).map { try SmallResult(number: $0).publication(in: store) }
    let ends = Publication.commitEach(all.map(\.publication) + small)
    #expect(ends.map { (try? $0.get()) != nil } == [true, false, true] + small.map { _ in true })
    #expect(throws: Failure.self) { _ = try ends[1].get() }
    let reader = try self.store
    for (number, (_, record)) in all.enumerated() {
      #expect(try reader.record(record.key) == (number == 1 ? nil : record))
      if number == 1 { continue }
      for output in record.outputs { #expect(try reader.isWhole(output.artefact)) }
    }
    try check(0..<20, in: reader)
    #expect(folder.temporaries(of: "store") == [])
  }

  @Test func `Whoever reads beside a writer sees what is committed after it began`() throws {
    let reader = try store
    let writer = try store
    #expect(try reader.record(SmallResult(number: 0).record.key) == nil)
    for start in stride(from: 0, to: 100, by: 20) {
      try writer.publish(start..<start + 20)
      try check(start..<start + 20, in: reader)
      try check(0..<start, in: reader)
    }
    #expect(segments.count == 1)
    writer.sealSegment()
    try check(0..<100, in: reader)
    try writer.publish(100..<120)
    #expect(segments.count == 2)
    try check(0..<120, in: reader)
    // Deleted whole.
    for name in segments { try FileManager.default.removeItem(atPath: folder["store/segments/" + name]) }
    for store in [reader, writer, try store] {
      #expect(try store.record(SmallResult(number: 110).record.key) == nil)
      #expect(try !store.contains(Digest(of: SmallResult(number: 110).output)))
    }
    try writer.publish(0..<30)
    try check(0..<30, in: reader)
  }

  @Test func `Two writers have a segment each, and the same results twice do no harm`() throws {
    let first = try store
    let second = try store
    try first.publish(0..<20)
    try second.publish(40..<60)
    try first.publish(60..<80)
    #expect(try second.publish(0..<20) == [])
    #expect(try first.publish(30..<50) == [])
    first.sealSegment()
    try second.publish(100..<120)
    #expect(segments.count == 2)
    for store in [first, second, try store] { try check([0, 19, 30, 49, 60, 79, 100], in: store) }
  }

  @Test func `What was recorded first stays, wherever it stands`() throws {
    let store = try store
    let other: [UInt8] = Array("another".utf8)
    func late(_ numbers: Range<Int>) throws -> [Digest] {
      try self.store.publish(numbers, output: other)
    }
    try store.publish(0..<20)
    #expect(Set(try late(0..<20)) == Set((0..<20).map { SmallResult(number: $0).record.key }))
    #expect(Set(try late(0..<3)) == Set((0..<3).map { SmallResult(number: $0).record.key }))
    try store.publish(50..<55)
    #expect(Set(try late(50..<75)) == Set((50..<55).map { SmallResult(number: $0).record.key }))
    for store in [store, try self.store] { try check(Array(0..<20) + Array(50..<55), in: store) }
    #expect(segments.count == 3)
  }

  @Test func `A record that is made anew gets a file of its own, unless it is the same`() throws {
    let store = try store
    try store.publish(0..<20)
    let marker = folder.read("store/segments/replaced")
    try store.publish(0..<20, isReplacing: true)
    try store.publish(0..<2, isReplacing: true)
    #expect(folder.read("store/segments/replaced") == marker && names(in: "actions") == [])

    let other = Array("another output".utf8)
    for numbers in [[0, 1], Array(2..<20)] {
      let before = folder.read("store/segments/replaced")
      try self.store.publish(numbers, output: other, isReplacing: true)
      #expect(folder.read("store/segments/replaced") != before)
    }
    for number in 0..<20 {
      let result = SmallResult(number: number)
      for store in [store, try self.store] {
        #expect(try store.record(result.record.key) == result.record(of: other))
      }
    }
  }

  @Test func `A process that was late gives way to the one that came before its commit had ended`() throws {
    let store = try store
    try store.publish(0..<20)
    // Both had looked before either had written.
    let late = try self.store
    var commit = SegmentCommit(late)
    let other = Array("late".utf8)
    for number in 30..<50 {
      let pending = try SmallResult(number: number).publication(in: late, output: other).take()
      #expect(try commit.take(pending))
    }
    try store.publish(30..<50)
    #expect(try commit.commit().count == 20)
    for store in [store, late, try self.store] { try check(30..<50, in: store) }
  }

  @Test func `Bytes that are added while a segment is open are seen by none before they are durable`() throws
  {
    let losing = CrashingFileSystem(failingAt: .max, .stop)
    let store = try Store(at: folder["store"], files: losing)
    try store.publish(0..<20)
    try store.publish(20..<40)
    store.sealSegment()
    withExtendedLifetime(store) { losing.cutPower() }
    try check(0..<40, in: self.store)
  }
}

/// What can happen to a segment on a disk.
@Suite struct SegmentDamageTests {
  let folder = TemporaryFolder()
  let tests = SegmentTests()

  private func store(_ name: String) throws -> Store {
    try Store(at: folder[name], files: .withoutSynchronising)
  }

  /// A store with a segment of twenty results in two commits.
  private func make(sealed: Bool) throws -> (name: String, bytes: [UInt8]) {
    let store = try store("store")
    try store.publish(0..<16)
    try store.publish(16..<36)
    if sealed { store.sealSegment() }
    let name = try #require(
      FileManager.default.contentsOfDirectory(atPath: folder["store/segments"]).first { $0 != "replaced" })
    return (name, try #require(folder.read("store/segments/" + name)))
  }

  private func reset(_ name: String, to bytes: [UInt8]) throws {
    let folders = ["segments", "quarantine", "objects", "actions", "catalogue"]
    for each in folders { try? FileManager.default.removeItem(atPath: folder["store/" + each]) }
    folder.write(bytes, to: "store/segments/" + name)
  }

  /// How many records and objects are there, all of them right; errors are answers.
  private func sound(_ store: Store) throws -> (records: Int, objects: Int, errors: Int) {
    var count = (records: 0, objects: 0, errors: 0)
    for number in 0..<36 {
      let result = SmallResult(number: number)
      do {
        if let record = try store.record(result.record.key) {
          #expect(record == result.record)
          count.records += 1
        }
      } catch let error as Failure {
        #expect(error.code == .damaged, "\(error)")
        count.errors += 1
      }
      do {
        #expect(try store.bytes(of: Digest(of: result.output)) == result.output)
        count.objects += 1
      } catch let error as Failure {
        #expect([.damaged, .notFound].contains(error.code), "\(error)")
        if error.code == .damaged { count.errors += 1 }
      }
    }
    return count
  }

  @Test func `A segment without a seal that ends at any byte holds what was committed by then`() throws {
    let (name, bytes) = try make(sealed: false)
    var seen: [Int] = []
    try reset(name, to: bytes)
    for length in (0...bytes.count).reversed() {
      truncate(folder["store/segments/" + name], length)
      let store = try store("store")
      let records = try store.digests(under: "actions").count
      if seen.last == records && length % 60 > 0 { continue }
      let count = try sound(store)
      #expect(count.errors == 0 && count.records == records && count.records <= count.objects)
      if seen.last != records { seen.append(records) }
    }
    #expect(seen == [36, 16, 0])
  }

  @Test func `A segment whose seal ends at any byte, or is damaged anywhere, holds all the same`() throws {
    let (_, open) = try make(sealed: false)
    try FileManager.default.removeItem(atPath: folder["store"])
    let (name, bytes) = try make(sealed: true)
    #expect(bytes.count > open.count + 36 * 2 * 44)
    for length in stride(from: open.count, to: bytes.count, by: 37) {
      try reset(name, to: Array(bytes.prefix(length)))
      #expect(try sound(store("store")) == (36, 36, 0))
    }
    for position in stride(from: open.count, to: bytes.count, by: 37) {
      var bad = bytes
      bad[position] ^= 4
      try reset(name, to: bad)
      #expect(try sound(store("store")) == (36, 36, 0))
    }
  }

  @Test(arguments: [true, false])
  func `A flipped bit gives no wrong answer, and all is made good by storing it again`(sealed: Bool) throws {
    let (name, bytes) = try make(sealed: sealed)
    var least = 72
    for position in 0..<bytes.count where position < 60 || position % 43 == 0 {
      var bad = bytes
      bad[position] ^= 1 << UInt8(position % 8)
      try reset(name, to: bad)
      let count = try sound(store("store"))
      if sealed && position >= 16 {
        least = min(least, count.records + count.objects)
        // What was damaged was said once, and was moved away.
        #expect(try sound(store("store")).errors == 0)
      }
      guard position % 2 == 0 else { continue }
      try store("store").publish(0..<36)
      #expect(try sound(store("store")) == (36, 36, 0), "at \(position)")
    }
    // At most one group is lost.
    if sealed { #expect(least >= 72 - 21) }
  }

  @Test func `Damage is named, the segment is moved away, and what was sound in it stays`() throws {
    let (name, bytes) = try make(sealed: true)
    var bad = bytes
    bad[70] ^= 1
    try reset(name, to: bad)
    let store = try store("store")
    var damaged: [Failure] = []
    for digest in try store.objects() {
      do { _ = try store.verifyAlone(digest) } catch let error as Failure { damaged.append(error) }
    }
    #expect(damaged.filter { $0.code == .damaged }.count == 1)
    let first = try #require(damaged.first)
    #expect(first.headline.contains("segment-\(name)") && first.headline.contains("can be made again"))
    // Objects and records are in groups of their own: it is still known which stages have lost something.
    let records = try store.records(damaged: { Issue.record($0) })
    #expect(records.count == 36)
    #expect(try records.filter { try !store.losses(of: $0).isEmpty }.count >= 16)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder["store/quarantine"]) == ["segment-" + name])
    // What stays is found by who cannot list the folder, too.
    let left = try FileManager.default.contentsOfDirectory(atPath: folder["store/segments"])
    let named = Catalogue.entries(try #require(folder.read("store/catalogue/0"))).map(\.name)
    #expect(Set(left).subtracting(named).isSubset(of: ["replaced"]))
    // A few are made again.
    try self.store("store").publish([3, 4])
    let result = SmallResult(number: 3)
    #expect(try self.store("store").losses(of: result.record).isEmpty)
  }

  @Test func `Damage in a store that cannot be written to is named again and again`() throws {
    let (name, bytes) = try make(sealed: true)
    var bad = bytes
    bad[70] ^= 1
    try reset(name, to: bad)
    let failing = CrashingFileSystem(failingAt: 1, .stop, reads: false)
    let store = try Store(at: folder["store"], files: failing)
    let digest = Digest(of: SmallResult(number: 0).output)
    for _ in 0..<2 {
      let error = #expect(throws: Failure.self) { try store.verify(digest) }
      #expect(error?.code == .damaged)
    }
    #expect(folder.read("store/segments/" + name) == bad)
  }

  @Test func `Whoever writes to a segment that is moved away writes what it promises to another`() throws {
    let writer = try store("store")
    try writer.publish(0..<16)
    let name = try #require(
      FileManager.default.contentsOfDirectory(atPath: folder["store/segments"]).first { $0 != "replaced" })
    let other = try store("store")
    let file = try #require(try other.segments.find(.record(SmallResult(number: 0).record.key))).file
    _ = other.setAside(file)
    #expect(!FileManager.default.fileExists(atPath: folder["store/segments/" + name]))
    try writer.publish(16..<36)
    for store in [writer, other, try store("store")] { #expect(try sound(store) == (36, 36, 0)) }
  }

  // MARK: Hostile segments

  /// Files that only a hostile hand writes: nothing in them is believed, and nothing is allocated for what they claim.
  @Test func `A segment that lies about its sizes is not believed`() throws {
    let (name, bytes) = try make(sealed: true)
    let header = Array(bytes.prefix(16))
    func head(_ stored: Int, _ logical: Int) -> [UInt8] {
      var head =
        SegmentFormat.headOpening + UInt32(stored).littleEndianBytes + UInt32(logical).littleEndianBytes
      head += [UInt8](repeating: 0, count: 8)
      return head + SegmentFormat.check(head)
    }
    func seal(_ groups: Int, _ entries: Int, _ body: [UInt8] = []) -> [UInt8] {
      var seal = ObjectFormat.frame(length: body.count + 24) + body
      seal += UInt32(truncatingIfNeeded: groups).littleEndianBytes
      seal += UInt32(truncatingIfNeeded: entries).littleEndianBytes
      return seal + SegmentFormat.check(seal) + ObjectFormat.endMark
    }
    let huge = Int(UInt32.max)
    let entry = { (group: Int, offset: Int, length: Int) -> [UInt8] in
      Digest(of: SmallResult(number: 1).output).bytes + UInt32(group).littleEndianBytes
        + UInt32(offset).littleEndianBytes + (UInt32(length) << 8).littleEndianBytes
    }
    let offset = UInt64(16).littleEndianBytes
    let far = UInt64.max.littleEndianBytes
    let lies: [[UInt8]] = [
      [], Array(header.prefix(9)), header, header + head(huge, 10), header + head(10, huge),
      header + head(0, 0),
      header + head(100, 100), header + seal(0, 0), header + seal(huge, 0), header + seal(0, huge),
      header + seal(huge, huge), header + seal(1, 1, far + entry(0, 0, 10)),
      header + seal(1, 1, offset + entry(7, 0, 10)), header + seal(1, 1, offset + entry(0, 0, 0xFF_FFFF)),
      header + seal(1, 1, offset + entry(0, huge, 10)), header + seal(1, 1, offset + entry(0, 0, 10)),
      Array(bytes.dropLast(3)) + [0, 0, 0], Array(repeating: 0, count: 5000),
      header.dropLast(3) + [2, 0, 0] + bytes.dropFirst(16),
    ]
    for (number, lie) in lies.enumerated() {
      try reset(name, to: lie)
      let store = try store("store")
      let count = try sound(store)
      if number != 16 { #expect(count.records == 0 && count.objects == 0) }
      _ = try store.objects()
      _ = try store.records(damaged: { _ in })
      try store.publish(0..<36)
      #expect(try sound(self.store("store")) == (36, 36, 0), "lie \(number)")
    }
  }

  @Test func `An entry under the name of another is damage, not an answer`() throws {
    let (name, bytes) = try make(sealed: true)
    // A seal with a right check in which two objects have each other's place.
    let file = SegmentFile(name, in: folder["store/segments"], files: LocalFileSystem())
    try file.update(Decompressor())
    let (a, b) = (SmallResult(number: 1), SmallResult(number: 2))
    let keys = [SegmentKey.object(Digest(of: a.output)), .object(Digest(of: b.output))]
    let places = [try #require(file.place(of: keys[1])), try #require(file.place(of: keys[0]))]
    let seal = SegmentSeal.bytes(groups: file.groups, Dictionary(uniqueKeysWithValues: zip(keys, places)))
    let length = try #require(SegmentSeal.length(tail: Array(bytes.suffix(24))))
    try reset(name, to: bytes.dropLast(length) + seal)
    let error = #expect(throws: Failure.self) { try store("store").bytes(of: Digest(of: a.output)) }
    #expect(error?.code == .damaged)
    // The segment was moved away, and the new one says where everything is.
    #expect(try sound(store("store")) == (36, 36, 0))
  }

  @Test func `Links are not followed, and strange names are passed over`() throws {
    let (name, bytes) = try make(sealed: true)
    let elsewhere = folder.write(bytes, to: "elsewhere")
    let path = folder["store/segments/" + name]
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: elsewhere)
    folder.write(bytes, to: "store/segments/strange")
    folder.write("x", to: "store/segments/" + String(repeating: "a", count: 32) + "/file")
    #expect(try sound(store("store")) == (0, 0, 0))
    try FileManager.default.removeItem(atPath: folder["store/segments"])
    try FileManager.default.createSymbolicLink(
      atPath: folder["store/segments"], withDestinationPath: folder["outside"])
    #expect(throws: Failure.self) { try store("store") }
  }

  // MARK: Crashes

  /// Whether everything that records promise is there and right.
  private func checkPromises(_ store: Store) throws {
    for record in try store.records(damaged: { Issue.record($0) }) {
      #expect(try store.losses(of: record).isEmpty)
    }
    for digest in try store.objects() { try store.verify(digest) }
  }

  @Test func `What was committed survives a power cut at any call, and the store can be used afterwards`()
    throws
  {
    var calls = 0
    var failed = true
    while failed {
      calls += 1
      let root = "store-\(calls)"
      let crashing = CrashingFileSystem(failingAt: calls, .stop, reads: false)
      var promised = 0
      var crashed: Store?
      do {
        let store = try Store(at: folder[root], files: crashing)
        crashed = store
        try store.publish(0..<16)
        promised = 16
        try store.publish(16..<36)
        promised = 36
        store.sealSegment()
      } catch is Failure {}
      failed = withExtendedLifetime(crashed) { crashing.hasFailed }
      crashed = nil
      crashing.cutPower()

      let store = try store(root)
      for number in 0..<promised {
        let result = SmallResult(number: number)
        #expect(try store.record(result.record.key) == result.record, "call \(calls)")
      }
      try checkPromises(store)
      try store.publish(0..<36)
      #expect(try sound(store) == (36, 36, 0))
    }
    print("faults: commit into segments, power cut: \(calls) points")
    #expect(calls > 20)
  }

  @Test(arguments: [Fault.error(ENOSPC), .error(EIO), .short, .late])
  func `A call that fails is an error, and the same process can go on`(fault: Fault) throws {
    let readsFail = fault == .error(EIO) || fault == .short
    var calls = 0
    var failed = true
    while failed {
      // There are many reads.
      calls += readsFail ? 1 + calls / 3 : 1
      let root = "store-\(calls)"
      try store(root).publish(100..<116)
      let failing = CrashingFileSystem(failingAt: calls, fault, reads: readsFail)
      let store = try? Store(at: folder[root], files: failing)
      var done = 0
      do {
        if let store {
          try store.publish(0..<16)
          done = 16
          try store.publish(16..<36)
          done = 36
        }
      } catch let error as Failure {
        #expect(error.code != .damaged, "\(error)")
      }
      failed = failing.wasReached
      // What is relied on is told to others at this moment, and not to those after a power cut.
      if fault == .late, failing.hasFailed, failing.lostFile?.hasSuffix("/relied") != true {
        #expect(done < 36)
      }
      #expect(folder.temporaries(of: root) == [] || store == nil)
      if fault != .late, failed, let store {
        try store.publish(0..<36)
        #expect(try sound(store) == (36, 36, 0))
      }
      for number in 0..<done {
        let result = SmallResult(number: number)
        try #require(
          try self.store(root).record(result.record.key) == result.record,
          "\(number) of \(done), call \(calls)")
      }
      try checkPromises(self.store(root))
      try? FileManager.default.removeItem(atPath: folder[root])
      try? FileManager.default.removeItem(atPath: folder[root + "/quarantine"])
    }
    print("faults: commit into segments, \(fault.testDescription): \(calls) points")
    #expect(calls > 5)
  }
}
