import Foundation
import JSON
import Support
import Testing

@testable import brake

/// What stages print, while they run and afterwards.
@Suite struct LogTests {
  let folder = TemporaryFolder()

  /// A stage that prints, waits for a file, and prints again.
  private func slow(_ end: String = "true") {
    folder.write(
      """
      stages:
        slow:
          run: |
            echo first; touch \(folder["started"])
            until [ -e \(folder["go"]) ]; do sleep 0.02; done
            echo last; \(end)
            echo x > ${out.o}
          out: { o: o.txt }

      """, to: "brake.yaml")
  }

  private func shows(_ text: String, in file: String) -> Bool {
    for _ in 0..<500 {
      if folder.text(file)?.contains(text) == true { return true }
      usleep(20_000)
    }
    return false
  }

  /// `tail -f` follows; here it is what make's is.
  @Test func `Who asks to follow by -f is told that no option is needed`() throws {
    slow()
    let answer = try folder.brake("log", "-f", "slow")
    #expect(answer.status == 2)
    #expect(answer.err.contains("-f names the pipeline, and there is no file 'slow'"))
    #expect(answer.err.contains("brake log 'slow'"))
  }

  @Test func `What Python prints is there before it ends`() throws {
    folder.write(
      """
      stages:
        slow:
          run: |
            python3 -c 'import os, time
            print("first")
            while not os.path.exists("\(folder["go"])"): time.sleep(0.02)'
            touch ${out.o}
          out: { o: o.txt }

      """, to: "brake.yaml")
    let run = try BrakeProcess([], in: folder)
    var printed = ""
    for _ in 0..<500 where printed.isEmpty {
      printed = try folder.brake("log", "slow", "--no-follow").out
      usleep(20_000)
    }
    #expect(printed == "first\n")
    folder.write("", to: "go")
    #expect(run.wait().status == 0)
  }

  @Test func `Of a stage whose brake was killed it is told that what it had saved is kept`() throws {
    folder.write(
      """
      stages:
        slow:
          run: |
            mkdir c; echo 1 > c/1; echo '{"event":"saved","path":"c/1"}' >> $BRAKE_EVENTS
            until [ -e \(folder["go"]) ]; do sleep 0.02; done
          out: { c: c/ }

      """, to: "brake.yaml")
    #expect(try folder.brake("log", "slow").err.contains("slow has not run"))
    let run = try BrakeProcess([], in: folder)
    func hasSaved() throws -> Bool {
      let names = try? FileManager.default.contentsOfDirectory(atPath: folder["cache/failed"])
      return names?.contains { $0.hasSuffix("-saved") } == true
    }
    for _ in 0..<500 where try !hasSaved() { usleep(20_000) }
    run.send(SIGKILL)
    #expect(run.wait().status == 137)
    // Its announcement goes when the next one looks.
    #expect(
      try folder.brake("log", "slow", "--no-follow").err.contains(
        "slow was stopped; what it had saved is kept"))
  }

  @Test(arguments: ["true", "exit 1"])
  func `The log of a running stage is what it has printed so far, and follows to its end`(end: String) throws
  {
    slow(end)
    let run = try BrakeProcess([], in: folder)
    #expect(folder.appears("started"))
    let so = try folder.brake("log", "slow", "--no-follow")
    #expect(so.out == "first\n" && so.status == 0)
    let follower = try BrakeProcess(
      ["-c", "exec $BRAKE log slow > followed"], in: folder, executable: "/bin/sh",
      environment: ["BRAKE": BrakeProcess.binary])
    #expect(shows("first\n", in: "followed"))
    folder.write("", to: "go")
    #expect(follower.wait().status == 0)
    #expect(folder.text("followed") == "first\nlast\n")
    #expect(run.wait().status == (end == "true" ? 0 : 2))
    #expect(try folder.brake("log", "slow").out == "first\nlast\n")
  }

  @Test func `Ctrl-C ends the log and not the stage`() throws {
    slow()
    let run = try BrakeProcess([], in: folder)
    #expect(folder.appears("started"))
    let follower = try BrakeProcess(["log"], in: folder)
    usleep(300_000)
    follower.send(SIGINT)
    #expect(follower.wait().status == 130)
    folder.write("", to: "go")
    #expect(run.wait().status == 0)
  }

  @Test func `A log that is left in a file or a pipe is what the stage printed`() throws {
    folder.write(
      #"stages: { a: { run: "printf '\\033[2Jx\\033[31mred\\n'; echo > ${out.o}", out: { o: o } } }"#,
      to: "brake.yaml")
    #expect(try folder.brake().status == 0)
    #expect(try folder.brake("log", "a").out == "\u{1B}[2Jx\u{1B}[31mred\n")
    let json = try JSON(parsing: try folder.brake("log", "a", "--json").out)
    #expect(json.array?.first?["log"] == "\u{1B}[2Jx\u{1B}[31mred\n")
  }

  @Test(
    .enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/script"), "takes script(1) for a terminal"))
  func `On a terminal colours stay and everything else is written out`() throws {
    folder.write(
      #"stages: { a: { run: "printf '\\033[2Jx\\033[31mred\\n'; echo > ${out.o}", out: { o: o } } }"#,
      to: "brake.yaml")
    #expect(try folder.brake().status == 0)
    let shown = try folder.shell("script -qec '$BRAKE log a' /dev/null", environment: ["TERM": "xterm"])
    #expect(shown.out.contains("\\e[2Jx\u{1B}[31mred"))
    #expect(!shown.out.contains("\u{1B}[2J"))
    #expect(shown.out.hasSuffix("\u{1B}[0m"), "colours that were left on end with the log")
  }

  @Test func `The last lines of a failed stage are told without their colours`() throws {
    folder.write(
      #"stages: { a: { run: "printf '\\033[31mno such column\\033[0m\\n\\033[2J'; exit 1", out: { o: o } } }"#,
      to: "brake.yaml")
    let run = try folder.brake()
    #expect(run.err.contains("  no such column\n"))
    #expect(run.err.contains("\\e[2J") && !run.err.contains("\u{1B}"))
  }

  private func filtered(_ pieces: [ArraySlice<UInt8>]) -> String {
    var filter = LogFilter()
    var bytes: [UInt8] = []
    for piece in pieces { bytes += Array(piece).withUnsafeBytes { filter.filter($0) } }
    return String(decoding: bytes + filter.end(), as: UTF8.self)
  }

  @Test func `Wherever a log is cut, the same comes out`() {
    let log =
      Array(
        "plain\tä\r\n\u{1B}[1;31mred\u{1B}[0m \u{1B}]0;title\u{7}\u{9B}2J 训练 \u{202E}x\u{7F}\u{1B}[9999Hy\u{1B}"
          .utf8)
      + [0xFF, 0xE2, 0x82]
    let whole = filtered([log[...]])
    #expect(
      whole
        == "plain\tä\r\n\u{1B}[1;31mred\u{1B}[0m \\e]0;title\\u{7}\\u{9b}2J 训练 \\u{202e}x\\u{7f}\\e[9999Hy\\e\u{FFFD}\u{FFFD}\u{FFFD}"
    )
    for cut in log.indices { #expect(filtered([log[..<cut], log[cut...]]) == whole, "\(cut)") }
    #expect(filtered(log.indices.map { log[$0...$0] }) == whole)
  }

  @Test func `A colour of any length is bounded`() {
    let endless = Array("\u{1B}[".utf8) + [UInt8](repeating: UInt8(ascii: "1"), count: 100_000)
    #expect(filtered(endless.indices.map { endless[$0...$0] }).hasPrefix("\\e[111"))
  }
}
