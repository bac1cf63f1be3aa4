import Foundation
import JSON
import Support
import Testing

/// Runs that go on without the terminal they were started from.
@Suite struct DetachTests {
  private let folder = TemporaryFolder()

  init() {
    folder.write(
      """
      stages:
        slow:
          run: "echo begun; while [ ! -e '\(folder["go"])' ]; do sleep .05; done; echo done > ${out.o}"
          out: { o: o.txt }
          sandbox: false
        fails: { run: "echo said; exit 7", out: { o: o.txt } }
      default: [slow]
      """, to: "brake.yaml")
  }

  private func start(_ words: String...) throws -> String {
    let started = try folder.brake("run", "--detach", "--json", words.joined(separator: " "))
    #expect(started.status == 0, "\(started.err)")
    return try #require(try JSON(parsing: Array(started.out.utf8))["run"]?.string)
  }

  private func state(_ name: String) throws -> String? {
    let list = try JSON(parsing: Array(folder.brake("attach", "--list", "--json").out.utf8))
    return list.array?.first { $0["name"]?.string == name }?["state"]?.string
  }

  private func untilBegun() throws {
    for _ in 0..<1000 {
      if try folder.shell("cat cache/tmp/*/*/log cache/tmp/*/log; true").out.contains("begun") { return }
      usleep(20_000)
    }
    Issue.record("the stage does not begin")
  }

  @Test func `A run goes on alone, is listed, and is shown to its end`() throws {
    let name = try start("slow")
    try untilBegun()
    #expect(try state(name) == "goes on")
    let viewer = try BrakeProcess(["attach"], in: folder)
    usleep(300_000)
    viewer.send(SIGINT)
    let left = viewer.wait()
    #expect(left.status == 130 && left.err.contains("the run goes on"))
    #expect(try state(name) == "goes on")
    folder.write("", to: "go")
    let seen = try folder.brake("attach", name)
    #expect(seen.status == 0 && seen.out.contains("1 ran"), "\(seen)")
    #expect(try state(name) == "done")
    #expect(try folder.brake("run", "slow").out.contains("1 hit"))
  }

  @Test func `It ends with the status of the run, and is ended on request`() throws {
    let failing = try start("fails")
    let seen = try folder.brake("attach", failing)
    #expect(seen.status == 2 && seen.out.contains("the command failed"), "\(seen)")
    let slow = try start("slow")
    try untilBegun()
    let ended = try folder.brake("attach", "--interrupt", slow)
    #expect(ended.status == 130 && ended.out.contains("interrupted"), "\(ended)")
    #expect(try state(slow) == "ended with status 130")
    #expect(try folder.brake("attach", "--interrupt", slow).status == 2)
  }

  @Test func `One that was killed is told to be`() throws {
    let name = try start("slow")
    try untilBegun()
    let process = try String(contentsOfFile: folder["cache/index/detached/\(name)/process"], encoding: .utf8)
    let number = try #require(process.split(separator: " ").last.flatMap { pid_t($0) })
    let parent = try #require(
      pid_t(try folder.shell("ps -o ppid= -p \(number)").out.trimmingCharacters(in: .whitespacesAndNewlines)))
    kill(parent, SIGKILL)
    kill(number, SIGKILL)
    let seen = try folder.brake("attach", name)
    #expect(seen.status == 2 && seen.err.contains("was killed"), "\(seen)")
    #expect(try state(name) == "was killed")
  }

  @Test func `Where there is none, that is said`() throws {
    folder.write("", to: "go")
    #expect(try folder.brake("run").status == 0)
    #expect(try folder.brake("attach").err.contains("no run was started with --detach"))
    #expect(try folder.brake("attach", "abcdef").err.contains("there is no run 'abcdef'"))
    #expect(try folder.brake("run", "--detach", "-n").status == 2)
    #expect(try folder.brake("run", "--detach", "-f", "none.yaml").status == 2)
  }
}
