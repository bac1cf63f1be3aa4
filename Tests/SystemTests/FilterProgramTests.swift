import Foundation
import Support
import System
import Testing

@Suite struct FilterProgramTests {
  private func shell(_ script: String, variables: [String: String] = [:]) -> FilterProgram {
    FilterProgram("sh", arguments: ["-c", script], variables: variables)
  }

  @Test func `What goes in comes out, however much it is`() async throws {
    let input = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let result = try await shell("cat").run(input, limit: 1 << 24)
    #expect(result.output == input)
    #expect(result.ending == .exited(0) && result.complaint.isEmpty)
  }

  @Test func `A program that reads nothing, and one that is killed, end as they do`() async throws {
    let input = [UInt8](repeating: 1, count: 3_000_000)
    #expect(try await shell("exec true").run(input, limit: 10).ending == .exited(0))
    let killed = try await shell("echo why >&2; kill -9 $$").run(input, limit: 10)
    #expect(killed.ending == .killed(signal: 9) && killed.complaint == "why\n")
  }

  @Test func `Endless output is stopped at the limit`() async throws {
    await #expect(throws: FilterProgram.Failure.tooMuchOutput) {
      try await shell("yes").run([], limit: 1 << 20)
    }
  }

  @Test func `Of the user's variables a program sees only where programs are`() async throws {
    try #require(getenv("HOME") != nil)
    let result = try await shell("echo \"$A ${HOME-none}\"; test -n \"$PATH\"", variables: ["A": "b"])
      .run([], limit: 100)
    #expect(String(decoding: result.output, as: UTF8.self) == "b none\n")
    #expect(result.ending == .exited(0))
  }

  @Test func `A program that is not there is named as such`() async throws {
    let folder = TemporaryFolder()
    await #expect(throws: FilterProgram.Failure.notInstalled) {
      try await FilterProgram("sh", arguments: [], searchPath: folder.path).run([], limit: 1)
    }
  }
}
