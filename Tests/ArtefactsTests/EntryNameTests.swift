import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts

@Suite struct EntryNameTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  static let bad = [
    "", ".", "..", "/", "a/b", "../../victim/file", "/etc/passwd", "a\0b", "a\nb", "\u{1B}[31m", "\u{7F}",
    "\u{9B}",
    String(repeating: "é", count: 128),
  ]

  @Test(arguments: bad)
  func `A name that leads elsewhere or cannot be shown is refused`(name: String) {
    #expect(EntryName.fault(of: name) != nil)
  }

  @Test(arguments: ["a", "...", "-n", "a b", "$(x)", "é", "a.csv", String(repeating: "x", count: 255)])
  func `Any other name is good`(name: String) { #expect(EntryName.fault(of: name) == nil) }

  private func record(name: String = "o", key: String? = nil, stage: String = "s", source: String = "a")
    -> Record
  {
    let artefact = Artefact(digest: Digest(of: [1]), kind: .blob, size: 1)
    return Record(
      manifest: ["a": 1], outputs: [.init(name: name, key: key, artefact: artefact)], log: nil, stage: stage,
      sources: [artefact.digest.description: source])
  }

  @Test(arguments: bad)
  func `A record with such a name is not believed, not damage, and replaced by a good one`(name: String)
    throws
  {
    var records = [record(name: name), record(key: name)]
    try store.publication().add(record: record())
    if EntryName.fault(ofLabel: name) != nil { records += [record(stage: name), record(source: name)] }
    for hostile in records {
      let path = try store.recordPath(hostile.key)
      let bytes = RecordFile.bytes(hostile)
      folder.write(bytes, to: String(path.dropFirst(folder.path.count + 1)))
      let error = #expect(throws: Failure.self) { try store.record(hostile.key) }
      #expect(error?.code == .refused)
      #expect(error?.headline.unicodeScalars.allSatisfy { $0.value >= 32 } == true)
      #expect(FileManager.default.contents(atPath: path).map { [UInt8]($0) } == bytes)
      #expect(throws: Failure.self) { try store.publication().add(record: hostile) }

      let publication = try store.publication()
      try publication.add(record: record())
      try publication.commit()
      #expect(try store.record(hostile.key) == record())
    }
  }
}
