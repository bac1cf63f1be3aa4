import Foundation
import Glibc
import Support
import Synchronization
import Testing

@testable import System

/// How a program is told to end, and what is told of that.
@Suite struct WindDownTests {
  private let folder = TemporaryFolder()

  private func sleep(_ milliseconds: UInt32) { usleep(milliseconds * 1000) }

  private func waits(for name: String) {
    for _ in 0..<1000 where folder.read(name) == nil { sleep(20) }
  }

  private final class Told: Sendable {
    private let list = Mutex<[ChildProcess.Foreseen]>([])
    func add(_ event: ChildProcess.Foreseen) { list.withLock { $0.append(event) } }
    var all: [ChildProcess.Foreseen] { list.withLock { $0 } }
  }

  /// Runs a text of the shell whose time is over soon after it was started.
  private func run(
    _ text: String, grace: Duration, foresee: @escaping @Sendable (ChildProcess.Foreseen) -> Void
  ) async throws {
    let process = ChildProcess(
      arguments: ["/bin/bash", "-c", text], environment: ["PATH": "/usr/bin:/bin"], folder: folder.path,
      streams: .log(folder["log"]),
      limits: ChildProcess.Limits(time: .seconds(1), grace: grace, isHolder: false, foresee: foresee))
    #expect(try await process.run() == .overdue)
  }

  /// Does so once the program has made a file that says that it is ready.
  /// - Returns: what was told.
  private func run(
    _ text: String, readyWith name: String, grace: Duration,
    foresee: @escaping @Sendable (ChildProcess.Foreseen) -> Void = { _ in }
  ) async throws -> [ChildProcess.Foreseen] {
    let told = Told()
    try await run(text, grace: grace) { [self] event in
      if case .telling = event { waits(for: name) }
      told.add(event)
      foresee(event)
    }
    return told.all
  }

  @Test func `All is foreseen before the signal is sent, and takes nothing of the time that is granted`()
    async throws
  {
    let told = Told()
    let isLate = Mutex(false)
    try await run(
      "trap 'echo > told; sleep 0.2; echo > saved; exit' TERM; echo > ready; while true; do sleep 0.05; done",
      grace: .seconds(3)
    ) { [self] event in
      if case .telling = event {
        waits(for: "ready")
        // As long as it may take.
        sleep(3500)
      }
      if folder.read("told") != nil { isLate.withLock { $0 = true } }
      told.add(event)
      sleep(200)
      if folder.read("told") != nil { isLate.withLock { $0 = true } }
    }
    #expect(told.all == [.telling, .heard])
    #expect(!isLate.withLock { $0 })
    #expect(folder.read("saved") != nil)
  }

  @Test func `Who ignores the signal does nothing about it, and is killed while it is busy`() async throws {
    let told = try await run(
      "trap '' TERM; echo > ready; while true; do sleep 0.05; done", readyWith: "ready",
      grace: .milliseconds(100))
    #expect(told == [.telling, .killing(isBusy: true)])
  }

  @Test func `What is only stopped is looked at once more before it is killed, and writes nothing then`()
    async throws
  {
    let told = try await run(
      "sleep 300 & echo > ready; wait; true", readyWith: "ready", grace: .seconds(300))
    #expect(told == [.telling, .killing(isBusy: false)])

    let hasWritten = Mutex(false)
    let other = try await run(
      "trap '' TERM; echo > begun; while true; do echo x >> growing; done", readyWith: "begun",
      grace: .milliseconds(200)
    ) { [self] event in
      guard case .killing = event else { return }
      // The kernel stops it as soon as it gets a turn.
      sleep(100)
      let before = folder.read("growing")
      sleep(200)
      if folder.read("growing") != before { hasWritten.withLock { $0 = true } }
    }
    #expect(other == [.telling, .killing(isBusy: true)])
    #expect(!hasWritten.withLock { $0 })
  }
}
