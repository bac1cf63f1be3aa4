import Artefacts
import Foundation
import Support
import Testing

@testable import Runs

@Suite struct RunningActionTests {
  @Test func `A second announcement of an action is none, and leaves the first and all open files alone`()
    throws
  {
    let folder = TemporaryFolder()
    let store = try Store(at: folder["store"])
    try store.make()
    let key = Digest(of: Array("action".utf8))
    let first = try #require(RunningAction(key, log: "/first", in: store))
    // A file that is closed a second time would be whichever has taken its number since.
    let others = Thread {
      for _ in 0..<20_000 {
        let file = open("/dev/null", O_RDONLY)
        #expect(file >= 0 && close(file) == 0, "a file of somebody else was closed")
      }
    }
    others.start()
    for _ in 0..<2000 { #expect(RunningAction(key, log: "/second", in: store) == nil) }
    while !others.isFinished { usleep(1000) }
    #expect(RunningAction.log(of: key, in: store) == "/first")
    withExtendedLifetime(first) {}
  }

  /// As processes leave it that are killed, and as those have it that live.
  private func announce(_ key: Digest, in store: Store) throws -> String {
    let folder = store.root + "/index/running"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = "\(folder)/\(key.hex)"
    try Data("/log".utf8).write(to: URL(filePath: path))
    return path
  }

  @Test func `What killed processes have announced goes, and nothing of those that live`() throws {
    let folder = TemporaryFolder()
    let store = try Store(at: folder["store"])
    try store.make()
    let keys = (0..<4).map { Digest(of: Array("action \($0)".utf8)) }
    let dead = try announce(keys[0], in: store)
    // Its owner has the right to it, and has not locked it yet.
    let begun = try announce(keys[1], in: store)
    let lease = try #require(try Leases(of: store).take(keys[1]))
    let living = try #require(RunningAction(keys[2], log: "/living", in: store))
    let strange = store.root + "/index/running/notes.txt"
    try Data("mine".utf8).write(to: URL(filePath: strange))
    let link = "\(store.root)/index/running/\(keys[3].hex)"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: strange)

    LeftAnnouncements.remove(from: store, Leases(of: store))
    let manager = FileManager.default
    #expect(!manager.fileExists(atPath: dead))
    #expect(manager.fileExists(atPath: begun) && manager.fileExists(atPath: strange))
    #expect(RunningAction.log(of: keys[2], in: store) == "/living")
    withExtendedLifetime((lease, living)) {}
    lease.release()
    LeftAnnouncements.remove(from: store, Leases(of: store))
    #expect(!manager.fileExists(atPath: begun))
  }

  @Test func `A run and a collection remove what killed processes have announced`() async throws {
    let workspace = try Workspace("stages: { s: { run: 'echo 1 > ${out.o}', out: { o: o.txt } } }")
    try workspace.store.make()
    let key = Digest(of: Array("killed".utf8))
    var path = try announce(key, in: workspace.store)
    #expect(try await workspace.run().failed == 0)
    #expect(!FileManager.default.fileExists(atPath: path))
    path = try announce(key, in: workspace.store)
    _ = try await StoreKeeper(workspace.store).collect(isTrial: true)
    #expect(FileManager.default.fileExists(atPath: path))
    _ = try await StoreKeeper(workspace.store).collect()
    #expect(!FileManager.default.fileExists(atPath: path))
  }
}
