import Foundation
import Support
import System
import Testing

@testable import Artefacts

/// What a store says of its segments to those who cannot list them.
@Suite struct CatalogueTests {
  private let folder = TemporaryFolder()
  private var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  private func names(in path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder["store/" + path])) ?? [])
      .filter { $0 != "replaced" }.sorted()
  }

  private func entries(_ number: Int) -> [Catalogue.Entry] {
    Catalogue.entries(folder.read("store/catalogue/\(number)") ?? [])
  }

  @Test func `What others have sealed and not named is named by the next one`() throws {
    let other = try store
    try other.publish(0..<20)
    // It is killed here, after it has made the folder.
    other.segments.seal()
    try FileManager.default.createDirectory(
      atPath: folder["store/catalogue"], withIntermediateDirectories: true)
    let store = try store
    try store.publish(20..<40)
    store.sealSegment()
    #expect(entries(0).map(\.name).sorted() == names(in: "segments"))
    #expect(names(in: "segments").count == 2 && names(in: "catalogue") == ["0"])
  }

  @Test func `What no reader takes for a part of the catalogue ends no naming`() throws {
    folder.write([UInt8](repeating: 120, count: Catalogue.fileSize + 1), to: "store/catalogue/0")
    for name in ["01", "+2", "x"] { folder.write([120], to: "store/catalogue/" + name) }
    folder.write(Array("brake store 2\n".utf8), to: "store/format")
    let store = try store
    for turn in 1...2 {
      try store.publish(turn * 20..<turn * 20 + 20)
      store.sealSegment()
      #expect(entries(turn).count == 1)
    }
    // Another catalogue is put in its place.
    try FileManager.default.removeItem(atPath: folder["store/catalogue"])
    try store.catalogueSegments()
    #expect(entries(0).map(\.name).sorted() == names(in: "segments"))
  }

  @Test func `Nothing is named that nobody would look at, and what nothing needs goes all the same`() throws {
    let store = try store
    try store.publish(0..<20)
    store.segments.seal()
    let perFile = 1024
    for number in 0..<Catalogue.entryLimit / perFile {
      let all = (0..<perFile).map { _ in Catalogue.Entry(name: ProcessFolder.randomName(), size: 100) }
      folder.write(Catalogue.bytes(all), to: "store/catalogue/\(number)")
    }
    let error = #expect(throws: Failure.self) { try store.catalogueSegments() }
    #expect(error?.code == .catalogueFull)
    try store.catalogueSuccessor()
    #expect(names(in: "catalogue").count == Catalogue.entryLimit / perFile)
    let record = SmallResult(number: 0).record
    let needed = NeededContents(objects: Set(record.outputs.map(\.artefact.digest)), records: [record.key])
    _ = try Sweep(of: self.store).setAside(allBut: needed, writtenBefore: .max, isTrial: false)
    #expect(try self.store.digests(under: "actions") == [record.key])
  }
}
