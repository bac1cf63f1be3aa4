import Foundation
import Support
import Testing

/// Where `python3` is a script that chooses between others, as pyenv's is.
@Suite struct PythonChoiceTests {
  /// Says that it is what stands in the file `choice`, and leaves the rest to the next `python3`.
  private static func shim(in folder: TemporaryFolder) -> String {
    """
    #!/bin/sh
    case "$*" in
    *base_exec_prefix*) cat '\(folder["choice"])' ;;
    *) PATH="${PATH#*:}" exec python3 "$@" ;;
    esac

    """
  }

  @Test func `What has to agree with a run takes the Python that a run would take`() throws {
    let folder = TemporaryFolder()
    guard try folder.shell("python3 -m venv probe && rm -r probe").status == 0 else { return }
    folder.write(PythonChoiceTests.shim(in: folder), to: "shim.sh")
    // By a process that is at its end then: a file that another one still has open for writing cannot be run.
    let copy = "mkdir bin && cp shim.sh bin/python3 && chmod +x bin/python3"
    try #require(try folder.shell(copy).status == 0)
    folder.write("--no-index\n", to: "requirements.txt")
    folder.write("cpython 3.11.1 linux x86_64 /eleven", to: "choice")
    folder.write(
      """
      stages:
        s:
          run: "echo 1 > ${out.out}"
          python: { requirements: requirements.txt }
          out: { out: o.txt }

      """, to: "brake.yaml")
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let variables = ["PATH": "\(folder["bin"]):\(path)"]
    func brake(_ arguments: String...) throws -> Finished {
      try BrakeProcess(arguments, in: folder, environment: variables).wait()
    }
    let first = try brake("run")
    try #require(first.status == 0, "\(first.err)")
    #expect(try brake("run", "-q").status == 0)
    #expect(try brake("run", "-n").out.contains("nothing to do"))

    // No environment of this one has been made, nor is it by asking.
    folder.write("cpython 3.12.1 linux x86_64 /twelve", to: "choice")
    #expect(try brake("run", "-q").status == 1)
    #expect(try !brake("run", "-n").out.contains("nothing to do"))
    let pushed = try brake("push", "--to", folder["far"])
    #expect(pushed.out.contains("and 0 records sent"), "\(pushed.out)\(pushed.err)")
    // Who looks sees what there is.
    #expect(try brake("status").out.contains("all up to date"))

    folder.write("cpython 3.11.1 linux x86_64 /eleven", to: "choice")
    #expect(try brake("run", "-q").status == 0)
    let again = try brake("push", "--to", folder["far"])
    #expect(again.out.contains("and 1 records sent"), "\(again.out)\(again.err)")
  }
}
