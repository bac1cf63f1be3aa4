import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

@Suite struct DamageTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  func object(_ digest: Digest) throws -> [UInt8] {
    try #require(FileManager.default.contents(atPath: store.objectPath(digest)).map { [UInt8]($0) })
  }

  func replace(_ digest: Digest, with bytes: [UInt8]) throws {
    let path = try store.objectPath(digest)
    try? FileManager.default.removeItem(atPath: path)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  @Test func `A flipped bit anywhere in an object never gives other bytes, and is nearly always found`()
    throws
  {
    let bytes = Array("The quick brown fox jumps over the lazy dog, the quick brown fox over the dog.".utf8)
    let digest = try store.put(bytes)
    let good = try object(digest)
    var unnoticed = 0
    for position in good.indices {
      for bit in [0, 4, 7] {
        var bad = good
        bad[position] ^= 1 << bit
        try replace(digest, with: bad)
        do {
          #expect(try store.bytes(of: digest) == bytes)
          unnoticed += 1
        } catch let error as Failure {
          #expect([.damaged, .newer].contains(error.code))
        }
      }
    }
    // zstd does not look at two bits of a block of sequences.
    #expect(unnoticed <= 2)
  }

  @Test func `An object that is cut short, longer, or another one is damaged and moved away`() throws {
    let digest = try store.put(mixed(3000))
    let good = try object(digest)
    let other = try object(try store.put([1, 2, 3]))
    var cases = stride(from: 0, to: good.count, by: 97).map { Array(good.prefix($0)) }
    cases += [good + [0], good + good, Array(good.dropFirst()), other, []]
    for bytes in cases {
      try replace(digest, with: bytes)
      let error = #expect(throws: Failure.self) { try store.stream(digest) { _ in } }
      #expect(error?.code == .damaged)
      #expect(try !store.contains(digest))
    }
    let kept = try FileManager.default.contentsOfDirectory(atPath: folder["store/quarantine"])
    #expect(!kept.isEmpty && kept.allSatisfy { $0.hasPrefix(digest.hex) })
  }

  @Test func `A damaged object is replaced when its bytes are stored again`() throws {
    let bytes = mixed(5000)
    let digest = try store.put(bytes)
    // At the time of `add`, and between `add` and `commit`.
    for late in [false, true] {
      let publication = try store.publication()
      if late {
        try FileManager.default.removeItem(atPath: store.objectPath(digest))
        _ = try publication.add(bytes: bytes)
      }
      var bad = mixed(5000)
      bad[17] ^= 1
      try replace(digest, with: bad)
      if !late { _ = try publication.add(bytes: bytes) }
      try publication.commit()
      #expect(try store.bytes(of: digest) == bytes)
    }
    #expect(folder.temporaries(of: "store") == [])
  }

  @Test func `The error names the record that can make a damaged object again`() throws {
    let publication = try store.publication()
    let artefact = try publication.add(bytes: [1, 2, 3])
    let record = Record(
      manifest: ["a": 1], outputs: [.init(name: "o", artefact: artefact)], log: nil, stage: "s", sources: [:])
    try publication.add(record: record)
    try publication.commit()
    try replace(artefact.digest, with: [0])
    let error = #expect(throws: Failure.self) { try store.verify(artefact.digest) }
    #expect(error?.headline.contains(record.key.hex) == true)
  }

  @Test func `Restoring a damaged object leaves nothing behind`() throws {
    let digest = try store.put(mixed(3 << 20))
    var bytes = try object(digest)
    bytes[bytes.count - 20_000] ^= 1
    try replace(digest, with: bytes)
    #expect(throws: Failure.self) { try store.restore(digest, to: folder["out/file"]) }
    mkdir(folder["out"], 0o755)
    try replace(digest, with: bytes)
    #expect(throws: Failure.self) { try store.restore(digest, to: folder["out/file"]) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["out"]) == [])
  }

  @Test func `Footers that lie, with a right check, are damage and allocate nothing`() throws {
    let bytes = mixed(1000)
    let digest = try store.put(bytes)
    let good = try object(digest)
    let footer = try ObjectReader(InputFile(store.objectPath(digest), files: store.files)).footer
    let body = good.dropLast(footer.bytes.count)
    let entry = try #require(footer.chunks.first)
    func lying(_ chunks: [ChunkEntry], size: Int? = nil, digest: Digest = digest, kind: Artefact.Kind = .blob)
      -> [UInt8]
    {
      Array(body) + ObjectFooter(chunks: chunks, digest: digest, kind: kind, size: size ?? footer.size).bytes
    }
    func chunk(_ length: Int, _ stored: Int, _ codec: Codec = .plain, _ width: Int = 1) -> ChunkEntry {
      ChunkEntry(length: length, stored: stored, codec: codec, width: width)
    }
    let huge = Int(UInt32.max)
    for bad in [
      lying([]), lying([entry, entry]), lying([chunk(huge, entry.stored)], size: huge),
      lying([chunk(entry.length, huge)]), lying([chunk(0, entry.stored)], size: 0),
      lying([chunk(999, entry.stored)], size: 999), lying([chunk(1001, entry.stored)], size: 1001),
      lying([entry], size: 1 << 60), lying([chunk(1000, entry.stored, .floatPlanes, 4)]),
      lying([chunk(1000, entry.stored, .floatPlanes, 3)]), lying([chunk(1000, entry.stored, .plain, 8)]),
      lying([chunk(500, entry.stored / 2), chunk(500, entry.stored - entry.stored / 2)]),
      lying([entry], digest: Digest(of: [7])), lying([entry], kind: .tree),
    ] {
      try replace(digest, with: bad)
      let error = #expect(throws: Failure.self) { try store.bytes(of: digest) }
      #expect(error?.code == .damaged)
    }
    // The count of chunks alone, larger than any file.
    var count = good
    count.replaceSubrange(count.count - 32..<count.count - 28, with: [255, 255, 255, 255])
    try replace(digest, with: count)
    #expect(throws: Failure.self) { try store.bytes(of: digest) }
  }

  @Test func `An object of a newer format is refused but not moved away`() throws {
    let digest = try store.put([1, 2, 3])
    var bytes = try object(digest)
    let footer = try ObjectReader(InputFile(store.objectPath(digest), files: store.files)).footer
    let start = bytes.count - footer.bytes.count
    bytes[start + 8 + 8] = 200  // the first chunk's codec
    let check = Digest(of: Array(bytes[start..<bytes.count - 16])).bytes.prefix(8)
    bytes.replaceSubrange(bytes.count - 16..<bytes.count - 8, with: check)
    try replace(digest, with: bytes)
    let error = #expect(throws: Failure.self) { try store.bytes(of: digest) }
    #expect(error?.code == .newer)
    #expect(try store.contains(digest))
  }
}
