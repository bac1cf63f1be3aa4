import Foundation
import Support
import Testing

/// Where bubblewrap is installed and does not work, commands run without it, and that is said.
@Suite struct BrokenSandboxTests {
  let folder = TemporaryFolder()

  @Test func `A sandbox that cannot be made is told from a command that fails`() throws {
    folder.write(
      "#!/bin/sh\necho >> '\(folder["asked"])'\necho 'bwrap: no way' >&2\nexit 1\n", to: "bin/bwrap")
    _ = try folder.shell("chmod +x bin/bwrap")
    folder.write(
      """
      stages:
        good: { run: "echo one > ${out.o}; echo printed", out: { o: o.txt } }
        odd: { run: "echo two > ${out.o}; exit 1", codes: [0, 1], out: { o: o.txt } }
        bad: { run: "echo three > ${out.o}; exit 3", out: { o: o.txt } }
      """, to: "brake.yaml")
    let path = folder["bin"] + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
    let run = try folder.brake("run", "-k", "-j1", "good", "odd", "bad", environment: ["PATH": path])
    #expect(run.status == 2 && run.out.contains("2 ran, 0 hit, 1 failed"), "\(run.out)\(run.err)")
    #expect(run.err.contains("bubblewrap does not work here: bwrap: no way"), "\(run.err)")
    #expect(run.err.contains("the command failed"), "\(run.err)")
    #expect(try folder.brake("cat", "odd").out == "two\n")
    #expect(try folder.brake("log", "good").out == "printed\n")
    // By the first command, and when that had failed.
    #expect(folder.text("asked") == "\n\n")
  }

  @Test func `A sandbox that works is not asked for before a command has failed`() throws {
    let real = try folder.shell("command -v bwrap && bwrap --dev-bind / / true")
    try #require(real.status == 0, "this machine has no bubblewrap that works")
    let program = real.out.split(separator: "\n")[0]
    folder.write("#!/bin/sh\necho >> '\(folder["asked"])'\nexec \(program) \"$@\"\n", to: "bin/bwrap")
    _ = try folder.shell("chmod +x bin/bwrap")
    folder.write(
      "stages: { s: { for: { i: [0, 3, 4] }, run: 'echo > ${out.o}; exit ${i}', codes: [0, 4], out: { o: o } } }",
      to: "brake.yaml")
    let path = folder["bin"] + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
    func asked(_ target: String) throws -> (status: Int32, count: Int) {
      _ = try folder.shell("rm -f asked")
      let run = try folder.brake("run", target, environment: ["PATH": path])
      return (run.status, folder.text("asked")?.count ?? 0)
    }
    #expect(try asked("s[0]") == (0, 1))
    #expect(try asked("s[3]") == (2, 2))
    #expect(try asked("s[4]") == (0, 2))
  }
}
