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
}
