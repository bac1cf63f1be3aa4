import Foundation
import Support
import System
import Testing

@testable import Artefacts

/// Segments that say more of themselves than they are.
@Suite struct CraftedSegmentTests {
  private let folder = TemporaryFolder()
  private var store: Store { get throws { try Store(at: folder["store"]) } }

  private func entry(_ bytes: [UInt8]) -> SegmentEntry {
    SegmentEntry(kind: .blob, digest: Digest(of: bytes), bytes: bytes)
  }

  @Test func `A seal that names a group again and again, or more than any segment has, is none`() {
    let group = SegmentGroup.bytes(of: [entry([1])], Compressor())
    let start = SegmentFormat.header.count + group.count
    let places = [
      SegmentKey.object(Digest(of: [1])): SegmentPlace(kind: .blob, group: 0, range: 4..<5)
    ]
    for (groups, isSound) in [([16], true), ([16, 16], false), ([16, 20], false), ([16, 8], false)] {
      #expect((SegmentSeal(SegmentSeal.bytes(groups: groups, places), at: start) != nil) == isSound)
    }
    func tail(_ groups: Int, _ entries: Int) -> [UInt8] {
      UInt32(groups).littleEndianBytes + UInt32(entries).littleEndianBytes + [UInt8](repeating: 0, count: 8)
        + ObjectFormat.endMark
    }
    let limit = SegmentFormat.entryLimit
    #expect(SegmentSeal.length(tail: tail(limit, limit)) != nil)
    #expect(SegmentSeal.length(tail: tail(limit + 1, 1)) == nil)
    #expect(SegmentSeal.length(tail: tail(1, limit + 1)) == nil)
  }

  @Test func `What stands in many groups is kept once`() throws {
    let store = try store
    try store.makeSegments()
    let needed = entry(Array("needed".utf8))
    var bytes = SegmentFormat.header
    for number in 0..<30 {
      let junk = entry((0..<2000).map { UInt8(truncatingIfNeeded: $0 &* number) } + [UInt8(number)])
      bytes += SegmentGroup.bytes(of: [SegmentEntry](repeating: needed, count: 50) + [junk], Compressor())
    }
    folder.write(bytes, to: "store/segments/" + String(repeating: "0a", count: 16))
    for isTrial in [true, false] {
      var steps: [String] = []
      let file = try #require(try store.segments.all().first)
      let collected = try store.segments.collect(
        file, isNeeded: { $0 == needed.key }, isTrial: isTrial, temporary: { try store.temporaryPath() },
        name: { steps.append("named") },
        setAside: {
          steps.append("gone")
          try store.files.remove(file.path)
        })
      // So that who cannot list the folder finds one or the other.
      #expect(steps == (isTrial ? [] : ["named", "gone"]))
      #expect(collected.objects == 30 && collected.records == 0)
      let left = try store.segments.all().map { Int($0.status?.size ?? 0) }
      #expect(left.count == 1 && collected.freed > bytes.count / 2)
      if !isTrial { #expect(left == [bytes.count - collected.freed] && left[0] < 300) }
      #expect(try store.bytes(of: needed.digest) == needed.bytes)
    }
    #expect(try store.objects() == [needed.digest])
  }

  @Test func `A group is closed before it is larger than any may be`() throws {
    var written: [UInt8] = []
    var builder = SegmentBuilder { written += $0 }
    // Long notes, and entries almost as large as a group.
    for number in 0..<600 {
      var record = SegmentEntry(
        kind: .record, digest: Digest(of: [UInt8(number & 255), UInt8(number >> 8)]), bytes: [1])
      record.note = [UInt8](repeating: 7, count: SegmentFormat.noteLimit)
      try builder.add(record)
    }
    for number in 0..<3 {
      try builder.add(entry([UInt8](repeating: UInt8(number), count: SegmentFormat.groupLimit - 4)))
    }
    try builder.finish()
    folder.write(written, to: "store/segments/x")
    let file = SegmentFile("x", in: folder["store/segments"], files: LocalFileSystem())
    try file.update(Decompressor())
    let all = Digest.first...Digest.last
    #expect(file.isSealed && file.digests(ofRecords: true, all).count == 600)
    #expect(file.digests(ofRecords: false, all).count == 3 && builder.size == written.count)
    #expect(throws: Damage.self) {
      var builder = SegmentBuilder { _ in }
      try builder.add(entry([UInt8](repeating: 1, count: SegmentFormat.groupLimit + 1)))
      try builder.finish()
    }
  }

  @Test func `What is sound behind damage is read, and the damage is told and moved away`() throws {
    let entries = (0..<5).map { entry(Array("entry \($0)".utf8)) }
    let groups = entries.map { SegmentGroup.bytes(of: [$0], Compressor()) }
    let open = SegmentFormat.header + groups.joined()
    var sealed: [UInt8] = []
    var builder = SegmentBuilder { sealed += $0 }
    for entry in entries { try builder.add(entry) }
    try builder.finish()
    let second = SegmentFormat.header.count + groups[0].count
    let name = String(repeating: "0a", count: 16)
    // In a frame, in a head, and in the header of segments without a seal and with one.
    let cases: [(bytes: [UInt8], position: Int, left: Int)] = [
      (open, second + 50, 4), (open, second + 20, 4), (open, 9, 5), (sealed, 9, 5),
    ]
    for (bytes, position, left) in cases {
      for each in ["segments", "quarantine"] {
        try? FileManager.default.removeItem(atPath: folder["store/" + each])
      }
      try store.makeSegments()
      var bad = bytes
      bad[position] ^= 1
      folder.write(bad, to: "store/segments/" + name)
      #expect(try store.objects().count == left)
      let told = try store.damagedSegments()
      #expect(told.count == 1 && told.first?.code == .damaged)
      #expect(told.first?.headline.contains("segment-" + name) == true)
      #expect(folder.read("store/quarantine/segment-" + name) == bad)
      #expect(try store.damagedSegments().isEmpty)
      #expect(try store.objects().count == left)
      for digest in try store.objects() { try store.verify(digest) }
    }
  }

  @Test func `An end that is torn is no damage`() throws {
    let groups = (0..<3).map { SegmentGroup.bytes(of: [entry([UInt8($0)])], Compressor()) }
    let sound = SegmentFormat.header + groups[0] + groups[1]
    let tears: [[UInt8]] = [
      [], Array(groups[2].dropLast(3)), Array(groups[2].prefix(20)), [UInt8](repeating: 0, count: 3000),
    ]
    for tear in tears {
      try store.makeSegments()
      folder.write(sound + tear, to: "store/segments/" + String(repeating: "0a", count: 16))
      #expect(try store.damagedSegments().isEmpty)
      #expect(try store.objects().count == 2)
    }
  }

  @Test func `What was a gap when it was looked at first is read once it is there`() throws {
    let entries = (0..<4).map { entry(Array("entry \($0)".utf8)) }
    let groups = entries.map { SegmentGroup.bytes(of: [$0], Compressor()) }
    let hole = [UInt8](repeating: 0, count: groups[1].count)
    folder.write(SegmentFormat.header + groups[0] + hole + groups[2], to: "store/segments/x")
    let file = SegmentFile("x", in: folder["store/segments"], files: LocalFileSystem())
    try file.update(Decompressor())
    #expect(file.fault != nil && file.groups.count == 2)
    folder.write(SegmentFormat.header + groups.joined(), to: "store/segments/x")
    try file.update(Decompressor())
    #expect(file.fault == nil && file.groups.count == 4)
    for entry in entries {
      let place = try #require(file.place(of: entry.key))
      let logical = try file.logical(ofGroup: place.group, Decompressor())
      #expect(Array(logical[place.range]) == entry.bytes)
    }
  }
}
