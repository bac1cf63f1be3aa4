import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

@Suite struct RecordTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  func record(_ seed: Int, outputs: Int = 2) -> Record {
    let artefact = Artefact(digest: Digest(of: [UInt8(seed)]), kind: .blob, size: 1)
    return Record(
      manifest: ["operation": "curve.fit", "parameters": ["skip": .integer(Int64(seed)), "half": 0.5]],
      outputs: (0..<outputs).map {
        .init(
          name: "fit", key: $0 == 0 ? nil : "é\($0)\"", file: $0 == 0 ? nil : "é\($0)\".csv",
          isExecutable: $0 % 2 == 1, artefact: artefact)
      },
      log: seed % 2 == 0 ? nil : artefact.digest, stage: "fit[\(seed)]",
      sources: [artefact.digest.description: "curves/a.csv"])
  }

  @Test func `A record says that its action ran without a sandbox, and nothing where it ran in one`() throws {
    let sure = record(1)
    for doubt in [nil, .declined, .unavailable] as [Record.Doubt?] {
      let told = Record(
        manifest: sure.manifest, outputs: sure.outputs, log: sure.log, stage: sure.stage,
        sources: sure.sources,
        doubt: doubt)
      let bytes = RecordFile.bytes(told)
      #expect(try RecordFile.read(bytes, key: sure.key) == told)
      #expect(String(decoding: bytes, as: UTF8.self).contains("sandbox") == (doubt != nil))
    }
  }

  @Test func `A record names the artefact that its image was, which is no part of its key`() throws {
    let plain = record(1)
    for image in [nil, Digest(of: Array("image".utf8))] {
      let told = Record(
        manifest: plain.manifest, outputs: plain.outputs, log: plain.log, stage: plain.stage,
        sources: plain.sources, image: image)
      #expect(told.key == plain.key)
      #expect(try RecordFile.read(RecordFile.bytes(told), key: plain.key) == told)
      #expect(String(decoding: RecordFile.bytes(told), as: UTF8.self).contains("ran_in") == (image != nil))
    }
  }

  @Test func `A record whose image or log is no digest is damaged`() throws {
    let plain = record(1)
    let image = Digest(of: Array("image".utf8))
    let told = Record(
      manifest: plain.manifest, outputs: plain.outputs, log: image, stage: plain.stage,
      sources: plain.sources, image: image)
    let text = String(decoding: RecordFile.bytes(told), as: UTF8.self)
    for (member, words) in [("ran_in", "container image"), ("log", "log")] {
      let changed = text.replacing("\"\(member)\":\"\(image)\"", with: "\"\(member)\":\"sha256:x\"")
      let start = try #require(changed.ranges(of: ",\"sum\"").last).lowerBound
      let sum = Digest(of: Array(changed[..<start].utf8)).hex
      let bytes = Array("\(changed[..<start]),\"sum\":\"\(sum)\"}".utf8)
      #expect { try RecordFile.read(bytes, key: told.key) } throws: {
        $0 is Damage && "\($0)".contains("its \(words) is malformed")
      }
    }
  }

  @Test func `A record comes back as it was, under the digest of its manifest`() throws {
    let publication = try store.publication()
    let records = (0..<5).map { record($0, outputs: $0) }
    for record in records { try publication.add(record: record) }
    #expect(try store.record(records[0].key) == nil)
    try publication.commit()
    for record in records {
      #expect(try store.record(record.key) == record)
      #expect(record.key == Digest(of: record.manifest.canonicalBytes))
    }
    let all = try store.records { Issue.record($0) }
    #expect(Set(all) == Set(records))
  }

  @Test func `A newer record takes the place of the older`() throws {
    for outputs in [1, 2] {
      let publication = try store.publication()
      try publication.add(record: record(1, outputs: 7))
      try publication.add(record: record(1, outputs: outputs))
      try publication.commit()
      #expect(try store.record(record(1).key)?.outputs.count == outputs)
    }
    #expect(folder.temporaries(of: "store") == [])
  }

  @Test func `A record of a size that none has is not read, and stays`() throws {
    let key = record(1).key
    try store.make()
    let path = folder.write("", to: "store/actions/\(key.hex.prefix(2))/\(key.hex.dropFirst(2))")
    truncate(path, off_t(RecordFile.limit + 1))
    let error = #expect(throws: Failure.self) { try store.record(key) }
    #expect(error?.code == .refused && error?.hint?.contains(path) == true)
    #expect(try LocalFileSystem().status(path) != nil)
  }

  @Test
  func
    `A record with any byte changed, cut short or under another name is damaged, and gone at the next look`()
    throws
  {
    let record = record(1)
    let publication = try store.publication()
    try publication.add(record: record)
    try publication.commit()
    let path = "store/actions/\(record.key.hex.prefix(2))/\(record.key.hex.dropFirst(2))"
    let good = try #require(folder.read(path))

    var bad = stride(from: 0, to: good.count, by: 7).map { position in
      var bytes = good
      bytes[position] ^= 0x21
      return bytes
    }
    bad += [[], Array(good.dropLast()), Array(good.prefix(80)), good + [0x20], Array("{}".utf8)]
    for bytes in bad {
      try FileManager.default.removeItem(atPath: folder[path])
      folder.write(bytes, to: path)
      let error = #expect(throws: Failure.self) { try store.record(record.key) }
      #expect(error?.code == .damaged)
      #expect(try store.record(record.key) == nil)
      folder.write(bytes, to: path)
    }

    try FileManager.default.removeItem(atPath: folder[path])
    let other = Digest(of: [9])
    folder.write(good, to: "store/actions/\(other.hex.prefix(2))/\(other.hex.dropFirst(2))")
    var damaged: [Failure] = []
    #expect(try store.records { damaged.append($0) } == [])
    #expect(damaged.map(\.code) == [.damaged])
  }
}
