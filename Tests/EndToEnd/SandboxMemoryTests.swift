import Foundation
import Support
import Testing

/// That bubblewrap works is found out once, and not in each run.
@Suite struct SandboxMemoryTests {
  private let folder = TemporaryFolder()

  /// A bubblewrap that notes how often it is started, and fails once there is a file `broken`.
  init() throws {
    folder.write(
      """
      #!/bin/sh
      echo >> \(folder["started"])
      if [ -e \(folder["broken"]) ]; then echo "bwrap: no namespaces here" >&2; exit 1; fi
      PATH=${PATH#*:} exec bwrap "$@"

      """, to: "bin/bwrap")
    _ = try folder.shell("chmod +x bin/bwrap")
    folder.write(
      """
      stages:
        one: { run: "echo 1 > ${out.o}", out: { o: o.txt } }
        two: { run: "echo 2 > ${out.o}", out: { o: o.txt } }
        three: { run: "echo 3 > ${out.o}", out: { o: o.txt } }
        fails: { run: "echo no; exit 1" }
        leaves: { run: "true", out: { o: o.txt } }
      """, to: "work/brake.yaml")
  }

  /// How often bubblewrap was started for a stage.
  private func starts(_ stage: String) throws -> (count: Int, run: Finished) {
    try? FileManager.default.removeItem(atPath: folder["started"])
    let path = folder["bin"] + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "")
    let run = try BrakeProcess(["run", stage], in: folder, at: "work", environment: ["PATH": path]).wait()
    return (folder.text("started")?.count ?? 0, run)
  }

  @Test(.enabled(if: TestSandbox.works))
  func `A later run relies on it, and finds out anew once bubblewrap has failed, and no command in it`()
    throws
  {
    let first = try starts("one")
    #expect(first.run.status == 0 && first.count == 2, "\(first)")
    let second = try starts("two")
    #expect(second.run.status == 0 && second.count == 1, "\(second)")
    for stage in ["fails", "leaves", "fails"] {
      let failed = try starts(stage)
      #expect(failed.run.status == 2 && failed.count == 1, "\(failed)")
    }
    folder.write("", to: "broken")
    #expect(try starts("three").run.status == 2)
    let last = try starts("three")
    #expect(last.run.status == 0, "\(last)")
    #expect(last.run.err.contains("bubblewrap does not work here: bwrap: no namespaces here"), "\(last)")
  }
}
