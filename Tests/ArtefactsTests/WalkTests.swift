import Foundation
import Support
import System
import Testing

@testable import Artefacts

@Suite struct WalkTests {
  let folder = TemporaryFolder()
  var cache: StatCache { get throws { StatCache(store: try Store(at: folder["store"])) } }

  @Test func `A maze of links is refused at once, with a name`() throws {
    // 40 folders with two links each to the next have 2^40 paths.
    for level in 0..<40 {
      folder.write("x", to: "maze/\(level)/file")
      for name in ["left", "right"] where level > 0 {
        try FileManager.default.createSymbolicLink(
          atPath: folder["maze/\(level)/\(name)"], withDestinationPath: "../\(level - 1)")
      }
    }
    let files = CrashingFileSystem(failingAt: 10_000, .stop)
    let cache = StatCache(store: try Store(at: folder["store"], files: files))
    let error = #expect(throws: Failure.self) { try cache.artefact(at: folder["maze/39"]) }
    #expect(error?.code == .refused && error?.headline.contains("maze/39/") == true)
    #expect(!files.wasReached, "it looks at 10 000 files or more before it refuses")
  }

  @Test func `A folder that two links lead to is read once and stands in both places`() throws {
    folder.write("x", to: "tree/real/file")
    try FileManager.default.createSymbolicLink(atPath: folder["tree/link"], withDestinationPath: "real")
    folder.write("x", to: "copy/real/file")
    folder.write("x", to: "copy/link/file")
    #expect(try cache.artefact(at: folder["tree"]) == cache.artefact(at: folder["copy"]))
  }

  @Test(.timeLimit(.minutes(1)))
  func `Pipes, sockets and devices are refused by what they are, without being opened`() throws {
    folder.write("x", to: "tree/file")
    mkfifo(folder["tree/pipe"], 0o600)
    for (path, kind) in [
      (folder["tree"], "a pipe"), (folder["tree/pipe"], "a pipe"), ("/dev/zero", "a device"),
    ] {
      let error = #expect(throws: Failure.self) { try cache.artefact(at: path) }
      #expect(error?.code == .refused)
      #expect(error?.headline.contains(kind) == true, "\(String(describing: error))")
    }
  }

  @Test func `A look that fails is no file that is not executable`() throws {
    let script = folder.write("x", to: "tree/run")
    chmod(script, 0o755)
    let expected = try cache.artefact(at: folder["tree"])
    let root = folder["store"]
    var points = 0
    var failed = true
    while failed {
      points += 1
      let faulty = CrashingFileSystem(failingAt: points, .error(EACCES))
      do {
        #expect(try StatCache(store: Store(at: root, files: faulty)).artefact(at: folder["tree"]) == expected)
      } catch is Failure {}
      failed = faulty.hasFailed
    }
    #expect(points > 5)
  }
}
