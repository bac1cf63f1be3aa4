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

  private let files = LocalFileSystem()

  private func follower(_ saved: @escaping @Sendable (String) -> Void) throws -> CommandFollower {
    let command = ActionCommand(text: "true", shell: .bash)
    let action = Action(
      name: "train", position: Position(file: "brake.yaml", line: 1, column: 1), work: .command(command),
      inputs: [], outputs: [], resources: .undeclared, manifest: [:])
    return try CommandFollower(
      scratch: folder.path, files: files, report: { _ in }, saved: saved,
      growing: GrowingOutputs(action, command, folder: folder.path, files: files), grown: { _ in })
  }

  private func tell(_ path: String) throws {
    let line = #"{"event":"saved","path":"\#(path)"}"# + "\n"
    try files.write(Array(line.utf8), to: folder.path + "/" + CommandEvents.name, .appending)
  }

  @Test func `What a look has read is passed on before the command counts as ended`() async throws {
    let begun = Mutex(false)
    let done = Mutex<[String]>([])
    let follower = try follower { path in
      begun.withLock { $0 = true }
      usleep(300_000)
      done.withLock { $0.append(path) }
    }
    try await follower.following {
      try tell("one")
      while !begun.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
      try tell("two")
    }
    #expect(done.withLock { $0 } == ["one", "two"])
  }

  @Test func `Who is about to end the command does not wait until a large file is kept`() async throws {
    let begun = Mutex(false)
    let isForeseen = Mutex(false)
    let wasForeseen = Mutex(false)
    let follower = try follower { _ in
      begun.withLock { $0 = true }
      for _ in 0..<500 where !isForeseen.withLock({ $0 }) { usleep(10_000) }
      wasForeseen.withLock { $0 = isForeseen.withLock { $0 } }
    }
    try await follower.following {
      try tell("one")
      while !begun.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
      follower.foresee(.telling)
      isForeseen.withLock { $0 = true }
    }
    #expect(wasForeseen.withLock { $0 })
  }
}
