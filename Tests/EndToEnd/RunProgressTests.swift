import Pipeline
import Runs
import Testing

@testable import brake

@Suite struct RunProgressTests {
  private func progress() -> RunProgress {
    var progress = RunProgress()
    for event: RunEvent in [
      .planned(10), .finished(instance: "a", outcome: .hit, seconds: 0), .started(instance: "fit[14M]"),
      .started(instance: "训练[47k]"), .finished(instance: "b", outcome: .ran, seconds: 3),
      .progress(instance: "fit[14M]", fraction: 0.5, text: "step 50 of 100\u{1B}[2J\nloss 3.2"),
    ] { progress.take(event) }
    return progress
  }

  @Test func `What was begun before its turn and comes to nothing counts as not done`() {
    var progress = progress()
    for event: RunEvent in [
      .withdrawn(instance: "fit[14M]"), .started(instance: "c"),
      .finished(instance: "c", outcome: .ran, seconds: 1),
    ] { progress.take(event) }
    #expect(progress.ran == 2 && progress.running.map(\.name) == ["训练[47k]"])
    progress.take(.withdrawn(instance: "c"))
    #expect(progress.ran == 1 && progress.finished == 2)
  }

  @Test func `There is a bar and a line for each running stage, in the order of starting`() {
    let lines = progress().lines(elapsed: 65, columns: 80, height: 10, colour: false)
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("████░░░░░░░░░░░░░░░░ 2/10  1 ran, 1 hit, 2 running  1:05, about "))
    #expect(lines[1].hasPrefix("  fit[14M]   50 %  step 50 of 100"))
    #expect(!lines[1].contains("\u{1B}"), "what a stage says cannot move the cursor")
    #expect(lines[2].hasPrefix("  训练[47k]"))
  }

  @Test(arguments: 1...120)
  func `No line is wider than the terminal`(columns: Int) {
    for line in progress().lines(elapsed: 4000, columns: columns, height: 10, colour: false) {
      #expect(line.columns <= columns)
    }
  }

  @Test(arguments: 1...4)
  func `There are no more lines than fit`(height: Int) {
    let lines = progress().lines(elapsed: 1, columns: 80, height: height, colour: false)
    #expect(lines.count == min(height, 3))
    if height == 2 { #expect(lines[1] == "  and 2 more") }
  }

  @Test func `What is left is estimated from what ran, parts of stages included`() throws {
    // 1.5 of 9 stages that are no hits took 30 s; 8 - 0.5 are left.
    #expect(try #require(progress().remaining(after: 30)) == 150)
    #expect(RunProgress().remaining(after: 30) == nil)
  }

  @Test(arguments: [
    (0.0042, "4.2 ms"), (0.42, "0.42 s"), (9.994, "9.99 s"), (59.94, "59.9 s"), (245, "4:05 min"),
    (7390, "2:03:10 h"),
  ])
  func `Durations are short`(seconds: Double, text: String) { #expect(duration(seconds) == text) }

  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1240, "1.24 kB"), (99_960, "100 kB"), (311_000_000, "311 MB"),
    (Int.max, "9.22 EB"),
  ])
  func `Byte counts have three digits`(bytes: Int, text: String) { #expect(byteCount(bytes) == text) }

  @Test(arguments: [
    (1.005, 2, "1.00"), (-0.001, 2, "0.00"), (0.05, 1, "0.1"), (12.3456, 3, "12.346"), (-2.5, 0, "-3"),
    (.infinity, 2, "inf"), (1e300, 2, "1e+300"),
  ])
  func `Numbers have so many decimals`(value: Double, decimals: Int, text: String) {
    #expect(fixed(value, decimals) == text)
  }
}
