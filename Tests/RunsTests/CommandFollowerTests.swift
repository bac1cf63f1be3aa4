import Glibc
import JSON
import Support
import Synchronization
import System
import Testing

@testable import Actions
@testable import Runners

@Suite struct CommandFollowerTests {
  private let folder = TemporaryFolder()

  @Test func `What a look has read is passed on before the command counts as ended`() async throws {
    let command = ActionCommand(text: "true", shell: .bash)
    let action = Action(
      name: "train", position: Position(file: "brake.yaml", line: 1, column: 1), work: .command(command),
      inputs: [], outputs: [], resources: .undeclared, manifest: [:])
    let begun = Mutex(false)
    let done = Mutex<[String]>([])
    let files = LocalFileSystem()
    let follower = try CommandFollower(
      scratch: folder.path, files: files, report: { _ in },
      saved: { path in
        begun.withLock { $0 = true }
        usleep(300_000)
        done.withLock { $0.append(path) }
      }, growing: GrowingOutputs(action, command, folder: folder.path, files: files), grown: { _ in })
    func tell(_ path: String) throws {
      let line = #"{"event":"saved","path":"\#(path)"}"# + "\n"
      try files.write(Array(line.utf8), to: folder.path + "/" + CommandEvents.name, .appending)
    }
    try await follower.following {
      try tell("one")
      while !begun.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
      try tell("two")
    }
    #expect(done.withLock { $0 } == ["one", "two"])
  }
}
