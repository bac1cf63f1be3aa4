import Foundation
import Support
import System
import Testing

@testable import Artefacts

/// Folders that come from another store.
@Suite struct FetchingTests {
  private let folder = TemporaryFolder()
  private let source: Store
  /// It has a folder, and that again by way of another one whose name comes later.
  private let tree: Artefact

  init() throws {
    folder.write("shared", to: "tree/a/file")
    folder.write("shared", to: "tree/z/deep/file")
    source = try Store(at: folder["source"], files: .withoutSynchronising)
    let publication = source.publication()
    tree = try publication.add(path: folder["tree"])
    try publication.commit()
  }

  @Test func `Who is killed while a folder comes leaves no folder that names what is not there`() async throws
  {
    var calls = 0
    var failed = true
    while failed {
      calls += 1
      let root = folder["store-\(calls)"]
      let crashing = CrashingFileSystem(failingAt: calls, .stop, reads: false)
      do { try await Store(at: root, files: crashing).fetch(tree, from: [source]) } catch is Failure {}
      failed = crashing.hasFailed
      let left = try Store(at: root, files: .withoutSynchronising)
      for digest in try left.objects() {
        #expect(try left.isWhole(left.artefact(digest)), "call \(calls)")
      }
      if calls == 1 { #expect(failed) }
    }
    #expect(calls > 10)
  }

  @Test(arguments: [0, 150, 1 << 20])
  func `Trees that wait come after those that they name, wherever they wait`(limit: Int) throws {
    let store = try Store(at: folder["store"], files: .withoutSynchronising)
    let waiting = WaitingTrees(in: store, memoryLimit: limit)
    var digests: [Digest] = []
    func wait(_ digest: Digest) throws {
      if digests.contains(digest) { return }
      digests.append(digest)
      let tree = try source.tree(digest)
      try waiting.add(digest, tree, manifest: source.bytes(of: digest))
      for entry in tree.entries where entry.mode == .tree { try wait(entry.digest) }
    }
    try wait(tree.digest)
    let publication = store.publication()
    try waiting.add(to: publication)
    #expect(try publication.add(path: folder["tree"]) == tree)
    try publication.commit()
    for digest in digests { #expect(try store.bytes(of: digest) == source.bytes(of: digest)) }
    #expect(try store.isWhole(tree) && digests.count == 3)
  }
}
