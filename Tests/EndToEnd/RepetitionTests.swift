import Foundation
import JSON
import Support
import Testing

/// `brake rebuild` and `brake run --check-determinism`.
@Suite struct RepetitionTests {
  let folder = TemporaryFolder()

  /// `steady` makes the same every time; `random` does not; both say when they run.
  init() {
    folder.write("hello\n", to: "words.txt")
    folder.write(
      """
      stages:
        steady:
          run: "echo steady >> \(folder["runs.txt"]); tr a-z A-Z < ${in.text} > ${out.o}"
          in: { text: words.txt }
          out: { o: steady.txt }
        random:
          run: |
            echo random >> \(folder["runs.txt"])
            n=$(date +%s%N)
            echo "{\\"value\\": $n, \\"same\\": 1}" > ${out.o}
            cp ${in.i} ${out.copy}
          in: { i: steady }
          out: { o: random.json, copy: copy.txt }
        after:
          run: "echo after >> \(folder["runs.txt"]); cat ${in.i} > ${out.o}"
          in: { i: random.o }
          out: { o: after.json }
          publish: results/

      """, to: "brake.yaml")
  }

  private func ran() -> [String] {
    defer { try? FileManager.default.removeItem(atPath: folder["runs.txt"]) }
    return (folder.text("runs.txt") ?? "").split(separator: "\n").map(String.init).sorted()
  }

  @Test func `A check runs everything twice, shows what differs and records nothing`() throws {
    let first = try folder.brake("run", "--check-determinism")
    #expect(first.status == 1, "\(first)")
    #expect(ran() == ["after", "after", "random", "random", "steady", "steady"])
    #expect(first.out.contains("steady: the same bytes, ran in "))
    // With the input that it had: what it made of it is the same.
    #expect(first.out.contains("after: the same bytes, ran in "))
    #expect(first.out.contains("random: other bytes, ran in "))
    #expect(first.out.contains("  o: 1 of 2 values differ"))
    #expect(first.out.contains("    ~ value: "))
    #expect(!first.out.contains("copy:"))
    let records = try folder.shell(
      "find cache/actions -type f | sort | xargs sha256sum; find cache/objects -type f | sort"
    ).out
    let again = try folder.brake("run", "--check-determinism")
    #expect(again.out.contains("3 planned: 0 ran, 3 hit"))
    #expect(
      try folder.shell(
        "find cache/actions -type f | sort | xargs sha256sum; find cache/objects -type f | sort"
      ).out
        == records)
    #expect(
      try folder.shell("ls cache/tmp | wc -l").out.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
  }

  @Test func `An interruption does not lose what was made anew before it`() throws {
    folder.write("one\n", to: "number.txt")
    folder.write(
      """
      stages:
        first: { run: "cat \(folder["number.txt"]) > ${out.o}", out: { o: o.txt }, sandbox: false }
        second:
          run: |
            if grep -q two ${in.i}; then touch \(folder["begun"]); sleep 300; fi
            cp ${in.i} ${out.o}
          in: { i: first }
          out: { o: o.txt }
          sandbox: false
      """, to: "brake.yaml")
    #expect(try folder.brake("run").status == 0)
    folder.write("two\n", to: "number.txt")
    let brake = try BrakeProcess(["rebuild", "first", "second"], in: folder)
    try #require(folder.appears("begun"))
    brake.send(SIGINT)
    let run = brake.wait()
    #expect(run.status == 128 + SIGINT)
    #expect(run.out.hasPrefix("first: other bytes, ran in "), "\(run)")
    #expect(!run.out.contains("second:"))
  }

  @Test func `What was new before an interruption is told`() throws {
    folder.write(
      """
      stages:
        before: { run: "echo 0 > ${out.o}", out: { o: o.txt } }
        first: { run: "cat ${in.i} > ${out.o}", in: { i: before }, out: { o: o.txt } }
        second:
          run: "cp ${in.i} ${out.o}; touch \(folder["begun"]); sleep 300"
          in: { i: first }
          out: { o: o.txt }
          sandbox: false
      """, to: "brake.yaml")
    let brake = try BrakeProcess(["rebuild", "first", "second"], in: folder)
    try #require(folder.appears("begun"))
    brake.send(SIGINT)
    let run = brake.wait()
    #expect(run.status == 128 + SIGINT)
    #expect(run.out.hasPrefix("first: ran in ") && !run.out.contains("before:"), "\(run)")
  }

  @Test func `An error does not lose what was made anew before it`() throws {
    folder.write("one\n", to: "number.txt")
    folder.write("here\n", to: "source.txt")
    folder.write(
      """
      stages:
        first:
          run: "cat \(folder["number.txt"]) > ${out.o}; if grep -q two ${out.o}; then rm \(folder["source.txt"]); fi"
          out: { o: o.txt }
          sandbox: false
        second: { run: "cat ${in.i} ${in.s} > ${out.o}", in: { i: first, s: source.txt }, out: { o: o.txt } }
      """, to: "brake.yaml")
    #expect(try folder.brake("run").status == 0)
    folder.write("two\n", to: "number.txt")
    let run = try folder.brake("rebuild", "first", "second", "--json")
    #expect(run.status == 2 && run.err.contains("source.txt"), "\(run)")
    let told = try JSON(parsing: Array(run.out.utf8)).array
    #expect(told?.first?["stage"] == "first" && told?.first?["same"] == false, "\(run)")
  }

  @Test(arguments: [["run", "--check-determinism"], ["rebuild", "s"]])
  func `Versions that are remembered are asked for before something is computed again`(words: [String])
    throws
  {
    folder.write(
      """
      stages:
        s:
          run: echo 1 > ${out.o}
          tools: { find: find -name number.v -o -name brake.yaml }
          out: { o: o.txt }
      """,
      to: "brake.yaml")
    func key() throws -> String? {
      try JSON(parsing: Array(folder.brake("status", "--json").out.utf8)).array?.first?["action"]?.string
    }
    #expect(try folder.brake("run").status == 0)
    let before = try #require(try key())
    // Nobody sees that this changes what is printed.
    folder.write("2", to: "below/number.v")
    #expect(try folder.brake("run").out.contains("0 ran, 1 hit"))
    #expect(try key() == before)
    let found = try folder.shell("$BRAKE \(words.joined(separator: " "))")
    #expect(found.status == 0, "\(found)")
    #expect(try key() != before)
  }

  @Test func `A check of named stages is of these alone`() throws {
    #expect(try folder.brake("run").status == 0)
    _ = ran()
    let found = try folder.brake("run", "--check-determinism", "steady", "--json")
    #expect(found.status == 0, "\(found)")
    #expect(ran() == ["steady"])
    let object = try JSON(parsing: try #require(found.outLines.last.map(String.init)))
    #expect(object.array?.first?["same"] == true)
  }

  @Test func `A rebuild tries a command as often as its stage says`() throws {
    folder.write(
      """
      stages:
        s:
          run: "if [ -e \(folder["flaky"]) ]; then rm \(folder["flaky"]); exit 3; fi; echo > ${out.o}"
          out: { o: o.txt }
          retries: 1
          sandbox: false
      """, to: "brake.yaml")
    #expect(try folder.brake("run").status == 0)
    folder.write("", to: "flaky")
    let again = try folder.brake("rebuild", "s")
    #expect(again.status == 0, "\(again.err)")
    #expect(again.err.contains("attempt 1 of 2 failed"))
    #expect(!folder.exists("flaky"))
  }

  @Test func `What a rebuild records has the log of all its attempts`() throws {
    folder.write(
      """
      stages:
        s:
          run: |
            if [ -e \(folder["flaky"]) ]; then echo one; rm \(folder["flaky"]); exit 3; fi
            echo two; cat \(folder["hidden"]) > ${out.o}
          out: { o: o.txt }
          retries: 1
          sandbox: false
      """, to: "brake.yaml")
    folder.write("before", to: "hidden")
    #expect(try folder.brake("run").status == 0)
    folder.write("after", to: "hidden")
    folder.write("", to: "flaky")
    let again = try folder.brake("rebuild", "s")
    #expect(again.err.contains("attempt 1 of 2 failed"), "\(again)")
    #expect(try folder.brake("cat", "s").out == "after")
    #expect(try folder.brake("log", "s").out == "one\n--- attempt 1 of 2 failed: the command failed\ntwo\n")
  }

  @Test func `A rebuild runs the targets and nothing else, and says that the bytes are the same`() throws {
    #expect(try folder.brake("run").status == 0)
    _ = ran()
    let found = try folder.brake("rebuild", "steady")
    #expect(found.status == 0, "\(found)")
    #expect(found.outLines.first?.hasPrefix("steady: the same bytes, ran in ") == true)
    #expect(ran() == ["steady"])
    #expect(try folder.brake("-q").status == 0)
  }

  @Test func `Other bytes take the place of what was recorded, and what depends on them runs next`() throws {
    #expect(try folder.brake("run").status == 0)
    let before = try folder.brake("cat", "random.o").out
    _ = ran()
    let found = try folder.brake("rebuild", "random")
    #expect(found.status == 1, "\(found)")
    #expect(found.out.contains("random: other bytes"))
    #expect(ran() == ["random"])
    let now = try folder.brake("cat", "random.o").out
    #expect(now != before)
    #expect(try folder.brake("-q").status == 1)
    #expect(try folder.brake("run").status == 0)
    #expect(ran() == ["after"])
    #expect(folder.text("results/after.json") == now)
  }

  @Test func `Of targets that need each other the one behind a change runs once, with the new input`() throws
  {
    #expect(try folder.brake("run").status == 0)
    _ = ran()
    let found = try folder.brake("rebuild", "*", "--json")
    #expect(found.status == 1, "\(found)")
    #expect(ran() == ["after", "random", "steady"])
    let stages = try JSON(parsing: found.out).array ?? []
    #expect(stages.compactMap { $0["stage"]?.string } == ["steady", "random", "after"])
    #expect(stages.map { $0["same"] } == [true, false, .null])
    #expect(try folder.brake("-q").status == 0)
    let after = try folder.brake("cat", "random.o").out
    #expect(folder.text("results/after.json") == after)
  }

  @Test func `What was found before another target fails is told all the same`() throws {
    folder.write(
      """
      stages:
        random: { run: "date +%s%N > ${out.o}", out: { o: o.txt } }
        once: { run: "mkdir \(folder["mark"]); cat ${in.i} > ${out.o}", in: { i: random }, out: { o: o.txt } }
      """, to: "brake.yaml")
    #expect(try folder.brake("run").status == 0)
    let found = try folder.brake("rebuild", "random", "once")
    #expect(found.status == 2, "\(found)")
    #expect(found.outLines.first?.hasPrefix("random: other bytes") == true, "\(found)")
  }

  @Test
  func `Each target has one line, also where it is named twice or fails while it is brought up to date`()
    throws
  {
    folder.write(
      """
      stages:
        a: { run: "date +%s%N > ${out.o}", out: { o: o.txt } }
        f: { run: "cat ${in.i} > ${out.o}", in: { i: a }, out: { o: o.txt } }
        bad: { run: "exit 3", out: { o: o.txt } }
      """, to: "brake.yaml")
    #expect(try folder.brake("run", "a").status == 0)
    let found = try folder.brake("rebuild", "a", "a", "f", "--json")
    let stages = try JSON(parsing: found.out).array ?? []
    #expect(stages.compactMap { $0["stage"]?.string }.sorted() == ["a", "f"], "\(found)")
    #expect(stages.first { $0["stage"] == "a" }?["same"] == false, "\(found)")
    let failed = try folder.brake("rebuild", "bad", "--json")
    let failures = try JSON(parsing: failed.out).array ?? []
    #expect(failed.status == 2 && failures.map { $0["stage"] } == ["bad"], "\(failed)")
    #expect(failures.first?["error"]?.string?.contains("the command failed") == true, "\(failed)")
  }

  @Test func `Stages that are one action are executed once`() throws {
    let command = "echo one >> \(folder["runs.txt"]); date +%s%N > ${out.o}"
    folder.write(
      """
      stages:
        a: { run: "\(command)", out: { o: o.txt } }
        b: { run: "\(command)", out: { o: o.txt } }
      """, to: "brake.yaml")
    #expect(try folder.brake("run").status == 0)
    #expect(ran() == ["one"])
    let found = try folder.brake("rebuild", "a", "b", "-j2")
    #expect(found.status == 1, "\(found)")
    #expect(ran() == ["one"])
    #expect(try folder.brake("-q").status == 0)
    #expect(try folder.brake("diff", "a", "b").status == 0)
  }

  @Test func `What is not recorded runs once`() throws {
    let found = try folder.brake("rebuild", "random")
    #expect(found.status == 0, "\(found)")
    #expect(found.outLines.count == 1 && found.out.hasPrefix("random: ran in "), "\(found)")
    #expect(found.out.contains("nothing to compare with"))
    #expect(ran() == ["random", "steady"])
    #expect(try folder.brake("rebuild").status == 2)
    #expect(try folder.brake("rebuild", "nothing").status == 2)
  }

  @Test func `A stage that fails the second time is an error with what it printed`() throws {
    folder.write(
      """
      stages:
        once:
          run: "mkdir \(folder["mark"]) || { echo not again; exit 3; }; echo > ${out.o}"
          out: { o: o.txt }
      """, to: "brake.yaml")
    let found = try folder.brake("run", "--check-determinism")
    #expect(found.status == 2, "\(found)")
    #expect(found.err.contains("not again"))
    #expect(try folder.brake("rebuild", "once").status == 2)
    #expect(try folder.brake("-q").status == 0, "what was recorded stays")
  }

  @Test func `Interrupted, nothing is left behind`() throws {
    folder.write(
      """
      stages:
        slow: { run: "test -e \(folder["mark"]) && touch \(folder["on"]) && sleep 60; touch \(folder["mark"]); echo > ${out.o}", out: { o: o.txt } }
      """, to: "brake.yaml")
    #expect(try folder.brake("run").status == 0)
    let process = try BrakeProcess(["rebuild", "slow"], in: folder)
    #expect(folder.appears("on"))
    process.send(SIGINT)
    #expect(process.wait().status == 130)
    #expect(try folder.brake("-q").status == 0)
    #expect(
      try folder.shell("ls cache/tmp | wc -l").out.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
  }
}
