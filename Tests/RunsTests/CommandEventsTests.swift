import Artefacts
import Foundation
import JSON
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runners
@testable import Runs

@Suite struct CommandEventsTests {
  private let folder = TemporaryFolder()

  private func add(_ text: String) {
    let file = FileHandle(forWritingAtPath: folder["events"])!
    file.seekToEndOfFile()
    file.write(Data(text.utf8))
    try? file.close()
  }

  private func log(_ step: Int, _ metrics: String = "{}") -> String {
    #"{"event":"log","metrics":\#(metrics),"step":\#(step)}"# + "\n"
  }

  private func steps(_ events: [CommandEvents.Event]) -> [Int] {
    events.compactMap { if case .log(let log) = $0 { log.step } else { nil } }
  }

  // MARK: The file

  @Test func `Lines are read once each, as soon as they are whole`() throws {
    var events = try CommandEvents(in: folder.path, files: LocalFileSystem())
    #expect(events.new().isEmpty)
    add(log(1) + log(2) + #"{"event":"log","#)
    #expect(steps(events.new()) == [1, 2])
    add(#""metrics":{},"step":3}"# + "\n")
    #expect(steps(events.new()) == [3])
    #expect(events.new().isEmpty)
  }

  @Test(arguments: [
    "", "{}", "[1]", "no JSON", #"{"event":"log"}"#, #"{"event":"log","metrics":{},"step":-1}"#,
    #"{"event":"log","metrics":{},"step":1.5}"#, #"{"event":"log","metrics":{},"step":1e300}"#,
    #"{"event":"log","metrics":[],"step":1}"#, #"{"event":"other","metrics":{},"step":1}"#, "\u{0}\u{1b}[2J",
    String(repeating: "[", count: 60_000), #"{"event":"log","metrics":{},"step":1} {}"#,
  ]) func `What is no event is passed over`(line: String) throws {
    var events = try CommandEvents(in: folder.path, files: LocalFileSystem())
    add(line + "\n" + log(7))
    #expect(steps(events.new()) == [7])
  }

  @Test func `A line without an end takes no memory, and one that is too long is passed over`() throws {
    var events = try CommandEvents(in: folder.path, files: LocalFileSystem())
    for _ in 0..<40 {
      add(String(repeating: "x", count: 100_000))
      #expect(events.new().isEmpty)
    }
    add("\n" + log(1))
    #expect(steps(events.new()) == [1])
  }

  @Test func `Another file in its place is not read, whatever it is`() throws {
    var events = try CommandEvents(in: folder.path, files: LocalFileSystem())
    try FileManager.default.removeItem(atPath: folder["events"])
    #expect(mkfifo(folder["events"], 0o600) == 0)
    #expect(events.new().isEmpty)
  }

  @Test func `A hole of many gigabytes is read a little at a time`() throws {
    var events = try CommandEvents(in: folder.path, files: LocalFileSystem())
    add(log(1))
    #expect(truncate(folder["events"], 1 << 36) == 0)
    #expect(steps(events.new()) == [1])
    #expect(events.new().isEmpty)
  }

  // MARK: What is shown

  private func logs(_ lines: [(Int, String)]) throws -> [CommandEvents.Log] {
    var events = try CommandEvents(in: folder.path, files: LocalFileSystem())
    add(lines.map { log($0.0, $0.1) }.joined())
    return events.new().compactMap { if case .log(let log) = $0 { log } else { nil } }
  }

  @Test func `The step, the loss and the rate of tokens are shown`() throws {
    var progress = TrainingProgress()
    let logs = try logs([
      (10, #"{"loss":2.34567,"tokens":1000}"#), (20, #"{"loss":0.000123456,"tokens":9000}"#),
      (21, #"{"loss":12345.6}"#), (22, #"{"tokens":10}"#), (23, #"{"lr":0.1}"#),
    ])
    let texts = logs.enumerated().map { progress.progress([$1], at: Double($0) * 4)?.text }
    #expect(
      texts == [
        "step 10, loss 2.346", "step 20, loss 0.0001235, 2000 tokens/s", "step 21, loss 12346, 2000 tokens/s",
        "step 22, 2000 tokens/s", "step 23, 2000 tokens/s",
      ])
    #expect(progress.progress([], at: 9) == nil)
    let strange = CommandEvents.Log(step: 1, metrics: ["loss": nil], notFinite: ["loss": "nan"])
    #expect(progress.progress([strange], at: 30)?.text.hasPrefix("step 1, loss nan") == true)
    let hostile = CommandEvents.Log(step: 1, metrics: ["loss": "\u{1b}[2J"], notFinite: ["loss": "\u{1b}[2J"])
    #expect(progress.progress([hostile], at: 30)?.text.contains("\u{1b}") == false)
  }

  // MARK: Stages

  @Test(arguments: ["", "sandbox: false"])
  func `A stage tells how far it is, which is no part of its result or its key`(rest: String) async throws {
    func pipeline(_ tell: String) -> String {
      """
      stages:
        s:
          run: |
            if [ -e ${in.tells} ] && grep -q yes ${in.tells}; then :; fi
            \(tell)
            echo result > ${out.out}
          in: { tells: ./tells }
          out: { out: o.txt }
          undeclared: error
          \(rest)
      """
    }
    let line = #"printf '{"event":"log","metrics":{"loss":2.5},"step":640}\n' >> "$BRAKE_EVENTS""#
    let workspace = try Workspace(pipeline(line), files: ["tells": "yes"])
    let events = Events()
    let summary = try await workspace.run(events: events)
    #expect(summary.failed == 0, "\(summary.failures)")
    let texts = events.all.compactMap { if case .progress("s", _, let text) = $0 { text } else { nil } }
    #expect(texts.last == "step 640, loss 2.5")
    #expect(try await workspace.run().ran == 0)
    let records = try workspace.store.records { _ in }
    #expect(records.first?.manifest["environment"] == [:])
    let silent = try await Workspace(pipeline(":"), files: ["tells": "yes"]).run()
    #expect(silent.outputs["s"] == summary.outputs["s"])
  }

  @Test func `A command that removes the file, or floods it, does no harm`() async throws {
    let workspace = try Workspace(
      """
      stages:
        removes: { run: 'rm "$BRAKE_EVENTS"; ln -s /dev/zero "$BRAKE_EVENTS"; echo x > ${out.o}', out: { o: o.txt } }
        floods: { run: 'head -c 50000000 /dev/zero >> "$BRAKE_EVENTS"; echo x > ${out.o}', out: { o: o.txt } }
        folder: { run: 'rm "$BRAKE_EVENTS"; mkdir "$BRAKE_EVENTS"; echo x > ${out.o}', out: { o: o.txt } }
      """)
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
  }

  @Test func `Pieces without an event are no end of what a command has said`() throws {
    var events = try CommandEvents(in: folder.path, files: LocalFileSystem())
    add(String(repeating: "no event\n", count: 400_000) + log(5))
    var found: [Int] = []
    repeat { found += steps(events.new()) } while events.mayGoOn
    #expect(found == [5])
  }
}
