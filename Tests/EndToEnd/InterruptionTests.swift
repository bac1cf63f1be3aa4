import Foundation
import JSON
import Support
import Testing

@Suite struct InterruptionTests {
  let folder = TemporaryFolder()

  /// A stage that has a child of its own and writes down who they are.
  private func start(_ trap: String = "") throws -> (brake: BrakeProcess, stage: pid_t) {
    folder.write(
      """
      stages:
        quick: { run: "echo done > ${out.o}", out: { o: quick.txt } }
        slow:
          run: |
            \(trap)
            sleep 300 &
            echo $! > \(folder["child"])
            echo $$ > \(folder["stage.new"]); mv \(folder["stage.new"]) \(folder["stage"])
            wait
            sleep 300
          in: { x: quick }
          out: { o: slow.txt }
          sandbox: false              # which has process numbers of its own
      """, to: "brake.yaml")
    let brake = try BrakeProcess(["run"], in: folder)
    try #require(folder.appears("stage"))
    return (brake, try #require(number("stage")))
  }

  private func number(_ name: String) -> pid_t? {
    folder.text(name).flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// Zombies do not count: whoever inherits them may never look at them.
  private func isRunning(_ process: pid_t) -> Bool {
    guard let status = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return false }
    let fields = String(decoding: status, as: UTF8.self).split(separator: ")").last?.split(separator: " ")
    return !["Z", "X"].contains(fields?.first)
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `A signal ends the stages with all their children and leaves the store clean`(signal: Int32) throws {
    let (brake, stage) = try start()
    let child = try #require(number("child"))
    #expect(isRunning(stage) && isRunning(child))
    brake.send(signal)
    let run = brake.wait()
    #expect(run.status == 128 + signal)
    #expect(run.err.contains("interrupted"))
    #expect(!isRunning(stage))
    #expect(!isRunning(child))
    #expect(try folder.shell("find cache/tmp -type f").out == "")
    #expect(try folder.brake("verify").status == 0)
    #expect(try folder.brake("quick").out.hasPrefix("1 planned: 0 ran, 1 hit"), "what was finished is kept")
  }

  @Test func `A training that is killed again and again ends with the same bytes`() throws {
    let training = """
      stages:
        text: { op: text.synthesise, with: { size: 100000 } }
        tokens: { op: text.tokenise, in: { text: text.text } }
        train: { op: lm.train, in: { train: tokens.train }, with: { steps: 250, resume: 25 } }
      """
    folder.write(training, to: "whole/brake.yaml")
    folder.write(training, to: "killed/brake.yaml")
    let start = ContinuousClock.now
    let whole = try BrakeProcess(["--json"], in: folder, at: "whole").wait()
    let time = ContinuousClock.now - start
    #expect(whole.status == 0, "\(whole.err)")

    // Some early, and some late enough for a part to be finished, however busy the machine is.
    var kills = 0
    for part in [0.05, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8] {
      let brake = try BrakeProcess(["--json"], in: folder, at: "killed")
      usleep(useconds_t(time / .microseconds(1) * part))
      brake.send(SIGKILL)
      if brake.wait().status == 128 + SIGKILL { kills += 1 }
    }
    #expect(kills >= 3)
    let finished = try BrakeProcess(["--json"], in: folder, at: "killed").wait()
    let (first, second) = (try JSON(parsing: whole.out), try JSON(parsing: finished.out))
    #expect(first["outputs"] == second["outputs"])
    #expect((second["hit"]?.integer ?? 0) > 0, "what was finished before a kill is not done again")
    #expect(try BrakeProcess(["verify"], in: folder, at: "killed").wait().status == 0)
    #expect(try folder.shell("find killed/cache/tmp -type f").out == "")
  }

  @Test func `A second Ctrl-C does not wait for a stage that will not end`() throws {
    /// How long brake goes on after the first Ctrl-C.
    func time(of signals: Int) throws -> Duration {
      unlink(folder["stage"])
      let (brake, stage) = try start("trap '' TERM INT")
      defer { kill(-stage, SIGKILL) }
      let clock = ContinuousClock.now
      for signal in 0..<signals {
        if signal > 0 { usleep(200_000) }
        brake.send(SIGINT)
      }
      #expect(brake.wait().status == 128 + SIGINT)
      return ContinuousClock.now - clock
    }
    #expect(try time(of: 2) < time(of: 1))
  }

  @Test func `Two signals at once are one, as timeout sends them to a process and to its group`() throws {
    let (brake, stage) = try start("trap '' TERM INT; trap 'echo ended; exit 1' TERM")
    defer { kill(-stage, SIGKILL) }
    brake.send(SIGTERM)
    brake.send(SIGTERM)
    let run = brake.wait()
    #expect(run.status == 128 + SIGTERM)
    #expect(run.err.contains("interrupted"), "it came to its end")
    #expect(!isRunning(stage))
  }

  @Test func `A reader that goes away ends the command quietly`() throws {
    folder.write([UInt8](repeating: 65, count: 3_000_000), to: "big")
    let digest = try #require(try folder.brake("put", "big").out.split(separator: " ").first)
    let run = try folder.shell("\"$BRAKE\" cat \(digest) | head -c 5")
    #expect(run.out == "AAAAA")
    #expect(run.err == "")
  }

  @Test func `A standard output that cannot be written is an error`() throws {
    folder.write("text", to: "file")
    let run = try folder.shell("\"$BRAKE\" put file > /dev/full")
    #expect(run.status == 2)
    #expect(run.err.contains("No space left on device"))
  }
}
