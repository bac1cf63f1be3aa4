import Artefacts
import Foundation
import JSON
import Support
import System

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
