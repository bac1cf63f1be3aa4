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

  /// Gives what a program makes of bytes all of which are there at once.
  private final class Bytes: ByteStream {
    private var rest: ArraySlice<UInt8>
    init(_ text: String) { rest = Array(text.utf8)[...] }
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
      let part = rest.prefix(buffer.count)
      buffer.copyBytes(from: part)
      rest = rest.dropFirst(part.count)
      return part.count
    }
  }

  @Test func `What is read piece by piece has an end when the task is cancelled`() async throws {
    let folder = TemporaryFolder()
    // It gives nothing and takes nothing, and has closed its output.
    let script = "exec >&-; touch \(folder["started"]); sleep 60"
    let task = Task { try shell(script).flow(of: Bytes("x")) { try $0.skip(.max) }.result }
    for _ in 0..<3000 where folder.read("started") == nil { try await Task.sleep(for: .milliseconds(10)) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func `Complaints that do not count leave their room to others`() throws {
    let script = """
      for n in $(seq 5000); do echo "nothing is wrong with $n" >&2; done; cat; printf 'all wrong' >&2
      """
    let (count, ending, complaint) = try shell(script).flow(
      of: Bytes("four"), keeping: { !$0.hasPrefix("nothing") }
    ) { try $0.skip(.max) }
    #expect(count == 4 && ending == .exited(0))
    #expect(complaint == "all wrong\n")
    let all = try shell(script).flow(of: Bytes("four")) { try $0.skip(.max) }.complaint
    #expect(all.utf8.count == 1 << 16)
  }

  @Test func `A program that is not there is named as such`() async throws {
    let folder = TemporaryFolder()
    await #expect(throws: FilterProgram.Failure.notInstalled) {
      try await FilterProgram("sh", arguments: [], searchPath: folder.path).run([], limit: 1)
    }
  }
}
