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

@Suite struct GrowingOutputTests {
  private func run(_ workspace: Workspace, _ events: Events? = nil) async throws -> RunSummary {
    var engine = try workspace.engine()
    engine.backoff = Backoff(base: .milliseconds(1))
    return try await engine.run(targets: []) { events?.add($0) }
  }

  private func log(_ workspace: Workspace) async throws -> String {
    let log = try #require(try await workspace.engine().logs(targets: ["train"]).first)
    var text: [UInt8] = []
    try log.stream { text += $0 }
    return String(decoding: text, as: UTF8.self)
  }

  private func left(_ workspace: Workspace) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/failed"])) ?? [])
      .filter { $0.contains("-saved") }.sorted()
  }

  /// What is kept of the only action that has not succeeded.
  private func list(_ workspace: Workspace) throws -> SavedList {
    let name = try #require(left(workspace).first { $0.hasSuffix("-saved.json") })
    return SavedList(of: try #require(Digest(String(name.prefix(64)))), in: workspace.store)
  }

  private let list = "@HERE/cache/failed/*-saved.json"
  private let whole = "state 1\nstate 2\nstate 3\nstate 4\n"

  /// Goes on behind the files that are there, and does something after the second and the third step.
  private func training(_ then: String, announcing: Bool, _ rest: String) -> String {
    let announce =
      announcing ? #"printf '{"event":"saved","path":"ckpt/step_%s.pt"}\n' $step >> "$BRAKE_EVENTS""# : ":"
    return """
      stages:
        train:
          run: |
            mkdir -p ckpt
            step=$(ls ckpt | wc -l)
            echo "from $step"
            while [ $step -lt 4 ]; do
              step=$((step + 1)); echo "state $step" > ckpt/step_$step.pt
              \(announce)
              if [ $step = 2 -o $step = 3 ]; then \(then); fi
            done
            cat ckpt/step_*.pt > ${out.out}
          out: { out: o.txt, checkpoints: { folder: ckpt/, key: "step_*.pt", grows: true } }
          resume: true
          \(rest)
      """
  }

  @Test
  func `A file that nobody writes to any more is in the store at once, and in its place for the next run`()
    async throws
  {
    let wait = "if [ ! -e @HERE/go ]; then until grep -qs step_2 \(list); do sleep 0.1; done; exit 1; fi"
    let workspace = try Workspace(training(wait, announcing: false, "sandbox: false"))
    #expect(try await run(workspace).failed == 1)
    #expect(try list(workspace).members.map(\.path) == ["ckpt/step_1.pt", "ckpt/step_2.pt"])
    #expect(try workspace.store.bytes(of: Digest(of: Array("state 2\n".utf8))) == Array("state 2\n".utf8))
    // It has a name before its stage has ended.
    let engine = try workspace.engine()
    let named = try await ArtefactNames(store: workspace.store) { engine }.one("train.checkpoints[2]")
    #expect(named.digest == Digest(of: Array("state 2\n".utf8)))
    await #expect(throws: PipelineError.self) {
      try await ArtefactNames(store: workspace.store) { engine }.one("train.checkpoints[3]")
    }

    workspace.folder.write("", to: "go")
    let summary = try await run(workspace)
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("train", of: summary) == whole)
    let printed = try await log(workspace)
    #expect(printed.hasPrefix("from 0\n--- attempt 1 of 1 failed") && printed.hasSuffix("\nfrom 2\n"))
    #expect(try workspace.store.records { _ in }.map(\.timesResumed) == [1])
    #expect(left(workspace) == [], "it is not wanted any more")
    // The same as of a run that was never stopped.
    let straight = try Workspace(training("true", announcing: false, "sandbox: false"))
    #expect(try await run(straight).outputs["train"] == summary.outputs["train"])
    #expect(try straight.store.records { _ in }.map(\.timesResumed) == [0])
  }

  @Test(arguments: ["", "sandbox: false"])
  func `What is announced is kept before the stage has ended, and the record says how often it went on`(
    rest: String
  ) async throws {
    let workspace = try Workspace(training("exit 1", announcing: true, rest))
    #expect(try await run(workspace).failed == 1)
    #expect(try list(workspace).timesResumed == 0)
    #expect(try await run(workspace).failed == 1)
    #expect(try list(workspace).members.map(\.key) == ["1", "2", "3"])
    let summary = try await run(workspace)
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("train", of: summary) == whole)
    let lines = try await log(workspace).split(separator: "\n").filter { $0.hasPrefix("from") }
    #expect(lines == ["from 0", "from 2", "from 3"])
    #expect(try workspace.store.records { _ in }.map(\.timesResumed) == [2])
  }

  @Test func `What only grows is no other action, and is not given to a stage that does not resume`()
    async throws
  {
    let plain = training("true", announcing: false, "").replacing(
      #"{ folder: ckpt/, key: "step_*.pt", grows: true }"#, with: "ckpt/step_*.pt"
    ).replacing("resume: true\n", with: "\n")
    let workspace = try Workspace(plain)
    #expect(try await run(workspace).ran == 1)
    workspace.folder.write(training("true", announcing: false, ""), to: "brake.yaml")
    #expect(try await run(workspace).ran == 0)

    let wait = "until grep -qs step_2 \(list); do sleep 0.1; done; exit 1"
    let other = try Workspace(
      training(wait, announcing: false, "sandbox: false").replacing("resume: true\n", with: "\n"))
    for _ in 1...2 {
      #expect(try await run(other).failed == 1)
      #expect(try await log(other) == "from 0\n")
    }
    #expect(try list(other).timesResumed == 0)
  }

  @Test func `What is not finished is not taken, and a link never`() async throws {
    let workspace = try Workspace(
      """
      stages:
        train:
          run: |
            mkdir -p ckpt/step_dir @HERE/outside; echo secret > @HERE/outside/step_7
            exec 3> ckpt/step_open; echo part >&3
            echo x > ckpt/step_2.tmp; echo x > ckpt/.step_3; : > ckpt/step_empty; echo x > ckpt/other
            ln -s /etc/passwd ckpt/step_link; ln -s @HERE/outside ckpt/step_folder
            ln -s /etc/passwd ckpt/step_dir/link; ln -s @HERE/outside linked
            echo y > ckpt/step_a
            until grep -qs step_a @HERE/cache/failed/*-saved.json; do sleep 0.1; done
            mkdir ckpt/step_b; echo y > ckpt/step_b/y; echo z > ckpt/step_b/z
            until grep -qs step_b @HERE/cache/failed/*-saved.json; do sleep 0.1; done
            exit 1
          out: { c: { folder: ckpt/, key: step_*, grows: true }, l: { folder: linked, grows: true } }
          sandbox: false
      """)
    #expect(try await run(workspace).failed == 1)
    #expect(try list(workspace).members.map(\.path) == ["ckpt/step_a", "ckpt/step_b"])
    #expect(try !workspace.store.contains(Digest(of: Array("secret\n".utf8))))
  }

  @Test func `What changes after it was taken is taken again, and that is said`() async throws {
    let two = Digest(of: Array("two\n".utf8))
    let workspace = try Workspace(
      """
      stages:
        train:
          run: |
            mkdir -p ckpt; echo one > ckpt/last
            until grep -qs ckpt/last @HERE/cache/failed/*-saved.json; do sleep 0.1; done
            echo two > ckpt/last
            until grep -qs \(two.hex) @HERE/cache/failed/*-saved.json; do sleep 0.1; done
          out: { c: { folder: ckpt, grows: true } }
          sandbox: false
      """)
    let events = Events()
    let summary = try await run(workspace, events)
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(
      events.notes.contains { $0.contains("train: c[last] changed after it had been taken for finished") })
    #expect(summary.outputs["train"]?["c"]?["last"]?.string == two.description)
  }

  @Test func `What a command removes is not given to the next attempt`() async throws {
    let workspace = try Workspace(
      """
      stages:
        train:
          run: |
            kept() { until grep -qs "ckpt/$1" @HERE/cache/failed/*-saved.json; do sleep 0.1; done; }
            mkdir -p ckpt; ls ckpt
            if [ -e ckpt/b ]; then rm ckpt/b; echo c > ckpt/c; kept c; exit 1; fi
            if [ -e ckpt/c ]; then exit 1; fi
            echo a > ckpt/a; kept a; rm ckpt/a; echo b > ckpt/b; kept b; exit 1
          out: { c: { folder: ckpt, grows: true } }
          resume: true
          sandbox: false
      """)
    var listed = ""
    for expected in ["", "b\n", "c\n"] {
      #expect(try await run(workspace).failed == 1)
      listed += expected
      let lines = try await log(workspace).split(separator: "\n").filter { !$0.hasPrefix("---") }
      #expect(lines.map { $0 + "\n" }.joined() == listed)
    }
  }

  @Test func `A list that is damaged, or leads elsewhere, is as none`() async throws {
    let workspace = try Workspace(
      training("if [ ! -e @HERE/go ]; then exit 1; fi", announcing: true, "sandbox: false"))
    #expect(try await run(workspace).failed == 1)
    let name = try #require(left(workspace).first { $0.hasSuffix(".json") })
    let text = try #require(workspace.text("cache/failed/" + name))
    let key = try #require(Digest(String(name.prefix(64))))
    for bad in ["", "[]", text.replacing("saved 1", with: "saved 2"), String(text.dropLast(3))] {
      workspace.folder.write(bad, to: "cache/failed/" + name)
      #expect(SavedList(of: key, in: workspace.store) == SavedList(of: Digest(of: []), in: workspace.store))
    }
    for path in ["../../x", "/etc/x", "a/../../x", ".hidden/x", "a//b"] {
      workspace.folder.write(text.replacing("ckpt/step_1.pt", with: path), to: "cache/failed/" + name)
      #expect(SavedList(of: key, in: workspace.store).members.map(\.path) == ["ckpt/step_2.pt"])
    }
    // What the store has lost is made again.
    workspace.folder.write(
      text.replacing(Digest(of: Array("state 1\n".utf8)).hex, with: String(repeating: "0", count: 64)),
      to: "cache/failed/" + name)
    try FileManager.default.removeItem(
      atPath: workspace.folder["cache/failed/\(key.hex)-saved/ckpt/step_1.pt"])
    workspace.folder.write("", to: "go")
    let summary = try await run(workspace)
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("train", of: summary) == whole)
    #expect(try await log(workspace) == "from 0\n", "nor is given what was finished behind it")
  }

  @Test func `A command writes to a copy of what was announced, and what is kept is not changed by it`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        train:
          run: |
            cat state || true
            if [ -e state ]; then printf bad > state; exit 1; fi
            echo good > state; printf '{"event":"saved","path":"state"}\\n' >> "$BRAKE_EVENTS"; exit 1
          out: { c: { folder: ckpt, grows: true } }
          resume: true
          sandbox: false
      """)
    #expect(try await run(workspace).failed == 1)
    for _ in 1...2 {
      #expect(try await run(workspace).failed == 1)
      let printed = try await log(workspace)
      #expect(printed.contains("\ngood\n") && !printed.contains("bad"))
    }
  }

  @Test func `What is not whole where an attempt finds it is restored, and an absurd count is no matter`()
    async throws
  {
    let workspace = try Workspace(
      training("if [ ! -e @HERE/go ]; then exit 1; fi", announcing: true, "sandbox: false"))
    #expect(try await run(workspace).failed == 1)
    let name = try #require(left(workspace).first { $0.hasSuffix(".json") })
    let text = try #require(workspace.text("cache/failed/" + name))
    workspace.folder.write(
      text.replacing(#""resumed":0"#, with: #""resumed":9223372036854775807"#), to: "cache/failed/" + name)
    let kept = "cache/failed/\(name.dropLast(5))/ckpt/step_2.pt"
    try FileManager.default.removeItem(atPath: workspace.folder[kept])
    workspace.folder.write("", to: kept)
    workspace.folder.write("", to: "go")
    let summary = try await run(workspace)
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("train", of: summary) == whole)
    #expect(try await log(workspace).hasSuffix("\nfrom 2\n"))
  }

  @Test(arguments: ["", "sandbox: false"])
  func `What was renamed into its place counts however the command ends, and what was not does not`(
    rest: String
  ) async throws {
    let workspace = try Workspace(
      """
      stages:
        train:
          run: |
            echo a > step_1.tmp; mv step_1.tmp step_1
            echo b > step_2
            exec 3> step_3.tmp; echo c >&3; mv step_3.tmp step_3; echo more >&3; exec 3>&-
            : > step_4.tmp; mv step_4.tmp step_4
            exit 1
          out: { c: { folder: ./, key: "step_*", grows: true } }
          resume: true
          \(rest)
      """)
    #expect(try await run(workspace).failed == 1)
    #expect(Set(try list(workspace).members.map(\.path)) == ["step_1", "step_4"])
  }

  @Test func `What failed attempts took from which another goes on is a part of what the action took`()
    async throws
  {
    // The same action in one run, and over two.
    for rest in ["retries: 1", ""] {
      let once = "if [ ! -e @HERE/done ]; then sleep 2; touch @HERE/done; exit 1; fi"
      let workspace = try Workspace(training(once, announcing: true, "sandbox: false\n    \(rest)"))
      if rest.isEmpty { #expect(try await run(workspace).failed == 1) }
      #expect(try await run(workspace).failed == 0)
      let record = try #require(try workspace.store.records { _ in }.first)
      #expect(try #require(Making.of(record.key, in: workspace.store)).seconds >= 2)
    }
  }

  @Test func `The names of unfinished files are known`() {
    for name in [
      ".x", "x~", "x.tmp", "tmp-checkpoint-5", "step_5.pt.part", "a.partial", "a.tmp.5", "x.incomplete",
    ] {
      #expect(GrowingOutputs.isTemporary(name), "\(name)")
    }
    for name in ["step_5.pt", "attempt.pt", "partial-sums", "5.safetensors", "temperature.pt"] {
      #expect(!GrowingOutputs.isTemporary(name), "\(name)")
    }
  }

  @Test func `What is given to the next attempt is what the list names, whatever has become of the files`()
    async throws
  {
    let workspace = try Workspace(training("exit 1", announcing: true, ""))
    #expect(try await run(workspace).failed == 1)
    let kept = try #require(left(workspace).first { $0.hasSuffix("-saved") })
    #expect(workspace.text("cache/failed/\(kept)/ckpt/step_1.pt") == "state 1\n")
    // As long as before, as a disk leaves it that has lost what it had, and a list that a killed brake was about to write.
    let path = workspace.folder["cache/failed/\(kept)/ckpt/step_1.pt"]
    try FileManager.default.removeItem(atPath: path)
    workspace.folder.write("other 1\n", to: "cache/failed/\(kept)/ckpt/step_1.pt")
    workspace.folder.write("{", to: "cache/failed/\(kept).json.new")
    #expect(try await run(workspace).failed == 1)
    let summary = try await run(workspace)
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("train", of: summary) == whole)
  }
}
