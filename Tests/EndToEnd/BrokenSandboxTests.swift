import Foundation
import Support
import Testing

/// Where bubblewrap is installed and does not work, commands run without it, and that is said.
@Suite struct BrokenSandboxTests {
  let folder = TemporaryFolder()

  @Test func `A sandbox that cannot be made is told from a command that fails`() throws {
    folder.write(
      "#!/bin/sh\necho >> '\(folder["asked"])'\necho 'bwrap: no way' >&2\nexit 1\n", to: "bwrap.sh")
    _ = try folder.shell("mkdir bin && cp bwrap.sh bin/bwrap && chmod +x bin/bwrap")
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
    // Before the first command.
    #expect(folder.text("asked") == "\n")
  }
}
