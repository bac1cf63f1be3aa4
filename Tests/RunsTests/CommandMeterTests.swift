import Glibc
import Support
import Synchronization
import System
import Testing

@testable import Actions
@testable import Runners

@Suite struct CommandMeterTests {
  private let folder = TemporaryFolder()

  @Test func `A look that comes late does not take the place of what the system has told`() async throws {
    let place = try #require(try LocalFileSystem().realPath(folder.path))
    let last = Mutex<Effort?>(nil)
    let count = Mutex(0)
    let meter = CommandMeter(folder: place) { effort in
      // It is in the middle of passing on what it saw when the system tells.
      count.withLock { $0 += 1 }
      usleep(300_000)
      last.withLock { $0 = effort }
    }
    let told = Effort(ProcessUsage(processorSeconds: 1000, peakMemory: 1 << 50))
    let process = ChildProcess(
      arguments: ["/bin/sleep", "5"], environment: [:], folder: place, streams: .log(folder["log"]))
    let run = Task { try await process.run() }
    try await meter.measuring {
      while count.withLock({ $0 }) == 0 { try await Task.sleep(for: .milliseconds(5)) }
      let effort = meter.effort(ProcessUsage(processorSeconds: 1000, peakMemory: 1 << 50))
      #expect(effort == told)
      last.withLock { $0 = effort }
      // Until several more looks would have come.
      try await Task.sleep(for: .seconds(2))
    }
    run.cancel()
    _ = try? await run.value
    #expect(last.withLock { $0 } == told)
    #expect(count.withLock { $0 } == 1)
  }
}
