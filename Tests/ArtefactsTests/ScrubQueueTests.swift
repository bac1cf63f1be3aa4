import JSON
import Support
import System
import Testing

@testable import Artefacts

@Suite struct ScrubQueueTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  private func put(_ number: Int) throws -> Digest {
    let publication = try store.publication()
    let digest = try publication.add(bytes: Array("number \(number)".utf8)).digest
    try publication.commit()
    return digest
  }

  private func record() throws -> Digest {
    let record = Record(manifest: ["a": 1], outputs: [], log: nil, stage: "s", sources: [:])
    let publication = try store.publication()
    try publication.add(record: record)
    try publication.commit()
    return record.key
  }

  /// The next few, as one call would take them.
  private func take(_ count: Int) throws -> [ScrubQueue.Item] {
    var queue = try ScrubQueue(of: store)
    let items = (0..<count).compactMap { _ in queue.next() }
    try queue.save()
    return items
  }

  @Test func `Each comes once a round, and the next call goes on`() throws {
    let objects = try (0..<10).map(put)
    let key = try record()
    let all = (objects.map(ScrubQueue.Item.object) + [.record(key)]).sorted { $0.digest < $1.digest }
    #expect(try take(4) == Array(all[..<4]))
    #expect(try take(4) == Array(all[4..<8]))
    #expect(try take(5) == Array(all[8...] + all[..<2]))
    #expect(try take(100) == Array(all[2...] + all[..<2]))
    #expect(try ScrubQueue(of: store).passed == 2)
  }

  @Test func `What comes or goes in between changes nothing for the rest`() throws {
    let objects = try (0..<6).map(put).sorted()
    #expect(try take(3).map(\.digest) == Array(objects[..<3]))
    let (gone, path) = try (objects[2], store.objectPath(objects[2]))
    try store.files.remove(path)
    let new = try put(100)
    let expected = (objects + [new]).sorted().filter { $0 > gone }
    #expect(try take(expected.count).map(\.digest) == expected)
  }

  @Test(arguments: ["", "sha256:", "\u{0}\n", String(repeating: "a", count: 1000)])
  func `A place that is none is the start`(text: String) throws {
    let objects = try (0..<3).map(put).sorted()
    folder.write(text, to: "store/index/scrubbed")
    #expect(try take(3).map(\.digest) == objects)
  }

  @Test func `An empty store is done at once`() throws {
    try store.make()
    #expect(try take(3).isEmpty)
  }
}
