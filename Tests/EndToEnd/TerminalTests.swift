import Foundation
import Support
import Testing

@Suite(
  .enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/script"), "takes script(1) for a terminal"))
struct TerminalTests {
  let folder = TemporaryFolder()

  init() {
    folder.write(
      """
      stages:
        slow: { run: "sleep 0.7; echo x > ${out.o}", out: { o: slow.txt } }
        bad: { run: "exit 1", in: { x: slow }, out: { o: bad.txt } }
      """, to: "brake.yaml")
  }

  private func onTerminal(_ command: String, _ environment: [String: String] = [:]) throws -> Finished {
    try folder.shell(
      "script -qec '\(command)' /dev/null",
      environment: ["TERM": "xterm-256color"].merging(environment) { $1 })
  }

  @Test func `On a terminal there is a bar, a line for each running stage, and colour`() throws {
    let run = try onTerminal("$BRAKE run")
    #expect(run.status == 2)
    #expect(run.out.contains("0/2"))
    #expect(run.out.contains("1 running"))
    #expect(run.out.contains("\u{1B}[32m") || run.out.contains("\u{1B}[2m"))
    #expect(run.out.contains("\u{1B}[31merror:\u{1B}[0m") || run.out.contains(": \u{1B}[31merror:"))
    // The last frame is taken away again: behind the last erasure stands nothing but text.
    let rest = run.out.components(separatedBy: "\u{1B}[J").last ?? ""
    #expect(rest.contains("2 planned: 1 ran, 0 hit, 1 failed"))
    #expect(!rest.contains("░"))
  }

  @Test func `NO_COLOR takes the colour away and leaves the bar`() throws {
    let run = try onTerminal("$BRAKE run", ["NO_COLOR": "1"])
    #expect(run.out.contains("0/2"))
    #expect(!run.out.contains("\u{1B}[3"))
    #expect(!run.out.contains("\u{1B}[2m"))
  }

  @Test func `A simple terminal and a file get plain lines`() throws {
    let simple = try onTerminal("$BRAKE run", ["TERM": "dumb"])
    #expect(!simple.out.contains("\u{1B}"))
    #expect(simple.out.contains("slow: ran in "))
    let plain = try folder.brake("-B", environment: ["TERM": "xterm-256color"])
    #expect(!(plain.out + plain.err).contains("\u{1B}"))
    #expect(plain.err.contains("slow: ran in "))
    #expect(plain.err.contains("error: "))
  }
}
