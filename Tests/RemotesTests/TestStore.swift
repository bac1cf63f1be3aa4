@testable import Artefacts
import Foundation
import JSON
import Support
import System
import Testing

@testable import Remotes

/// A store with a few artefacts: a large one, a small one, a folder of both, and a record.
struct TestStore {
  let folder = TemporaryFolder()
  let store: Store
  let large: Artefact
  let tree: Artefact
  let record: Record

  init(isEmpty: Bool = false) throws {
    store = try Store(at: folder["store"], files: .withoutSynchronising)
    try FileManager.default.createDirectory(atPath: folder["d/e"], withIntermediateDirectories: true)
    let random = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/dev/urandom")).read(
      upToCount: 3_000_000)
    try random?.write(to: URL(fileURLWithPath: folder["d/large"]))
    folder.write("small", to: "d/small")
    folder.write("inner", to: "d/e/inner")
    let publication = (isEmpty ? try Store(at: folder["other"], files: .withoutSynchronising) : store)
      .publication()
    large = try publication.add(path: folder["d/large"])
    tree = try publication.add(path: folder["d"])
    record = Record(
      manifest: ["operation": "test"], outputs: [.init(name: "d", artefact: tree)], log: nil, stage: "s",
      sources: [:])
    try publication.add(record: record)
    try publication.commit()
  }
}

extension TestStore {
  /// Reads parts of a file from a place, short and long ones, at its ends and across many packets, and one that is not there.
  static func expectParts(of bytes: [UInt8], from files: any RangedFiles, at path: String) throws {
    for part in [
      WantedPart.last(100), .last(bytes.count + 1), .range(0..<1), .range(70_000..<2_500_000),
      .range(70_000..<2_900_000), .range(bytes.count - 1..<bytes.count),
    ] {
      guard case .bytes(let come, let size) = try files.read(part, of: path) else {
        Issue.record("no part came")
        continue
      }
      #expect(size == bytes.count && come == Array(bytes[part.range(in: bytes.count)]))
    }
    guard case .missing = try files.read(.last(1), of: StorePath.object(Digest.first).text) else {
      Issue.record("what is not there came")
      return
    }
  }
}
