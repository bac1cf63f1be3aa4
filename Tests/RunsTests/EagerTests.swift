import Artefacts
import Foundation
import Support
import System
import Testing

@testable import Pipeline
@testable import Runs

/// Stages that read members of a stage that still runs.
@Suite struct EagerTests {
  /// Three members, with something in between. What waits for a reader would wait for ever if nothing read it early.
  private func pipeline(_ between: String = "", end: String = "", reader: String = "") -> String {
    """
    stages:
      train:
        run: |
          mkdir -p ckpt
          seen() { while [ $# -gt 0 ]; do until [ -e @HERE/seen-$1 ]; do sleep 0.05; done; shift; done; }
          for step in 1 2 3; do
            if [ -e ckpt/step_$step.pt ]; then continue; fi
            echo "state $step" > ckpt/step_$step.pt
            printf '{"event":"saved","path":"ckpt/step_%s.pt"}\\n' $step >> "$BRAKE_EVENTS"
            if [ ! -e @HERE/straight -a $step = 2 ]; then
              \(between.isEmpty ? ":" : between)
            fi
          done
          \(end.isEmpty ? ":" : end)
          echo end >> @HERE/order
        out: { ckpt: { folder: ckpt/, key: "step_*.pt", grows: true, eager: true } }
        resume: true
        timeout: 1m
        sandbox: false
      use:
        for: { step: train.ckpt }
        run: |
          \(reader.isEmpty ? ":" : reader)
          cat ${in.c} > ${out.o}
          echo "use ${step}" >> @HERE/order; touch @HERE/seen-use${step}
        in: { c: "train.ckpt[${step}]" }
        out: { o: o }
        sandbox: false
      twice:
        for: { step: train.ckpt }
        run: cat ${in.u} ${in.u} > ${out.o}; touch @HERE/seen-twice${step}
        in: { u: "use[${step}]" }
        out: { o: o }
        sandbox: false
      first:
        run: cat ${in.c} > ${out.o}; touch @HERE/seen-first
        in: { c: "train.ckpt[1]" }
        out: { o: o }
        sandbox: false
      all: { run: "cat ${in.a} ${in.f} > ${out.o}", in: { a: twice, f: first }, out: { o: o } }
    """
  }

  private let everything = "seen use1 use2 twice1 twice2 first"
  private let whole = "state 1\nstate 1\nstate 2\nstate 2\nstate 3\nstate 3\nstate 1\n"

  private func run(
    _ workspace: Workspace, jobs: Int = 2, keepGoing: Bool = false, always: Bool = false,
    _ events: Events? = nil
  ) async throws -> RunSummary {
    var options = RunOptions()
    options.jobs = jobs
    options.keepGoing = keepGoing
    options.always = always
    return try await workspace.run(options: options, events: events)
  }

  private func numbers(_ summary: RunSummary, _ paths: [KeyPath<RunSummary, Int>]) -> [Int] {
    paths.map { summary[keyPath: $0] }
  }

  private func order(_ workspace: Workspace) -> [String] {
    (workspace.text("order") ?? "").split(separator: "\n").map(String.init)
  }

  private func keys(_ workspace: Workspace) throws -> Set<Digest> {
    Set(try workspace.store.records { _ in }.map(\.key))
  }

  @Test func `Members are read before the stage has ended, and what is kept is as without that`()
    async throws
  {
    let workspace = try Workspace(pipeline(everything))
    let events = Events()
    let summary = try await run(workspace, events)
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(numbers(summary, [\.planned, \.ran, \.hit, \.skipped]) == [9, 9, 0, 0])
    #expect(try workspace.output("all", "o", of: summary) == whole)
    let order = order(workspace)
    let end = try #require(order.firstIndex(of: "end"))
    #expect(Set(order[..<end]).isSuperset(of: ["use 1", "use 2"]))
    #expect(order.count == 4, "each once: \(order)")
    let names = ["train", "first", "all"] + (1...3).flatMap { ["use[\($0)]", "twice[\($0)]"] }
    #expect(events.finished.sorted() == names.sorted() && events.ran.sorted() == names.sorted())
    let early = try keys(workspace)

    let again = try await run(workspace)
    #expect(numbers(again, [\.planned, \.ran, \.hit]) == [9, 0, 9])
    // As without eager:, one after the other.
    try FileManager.default.removeItem(atPath: workspace.folder["cache"])
    workspace.folder.write("", to: "straight")
    let text = try #require(workspace.text("brake.yaml")).replacing(", eager: true", with: "")
    workspace.folder.write(text, to: "brake.yaml")
    let plain = try await run(workspace)
    #expect(plain.outputs == summary.outputs && plain.ran == 9)
    #expect(try keys(workspace) == early)
  }

  @Test func `Where everything is to run anew, nothing runs twice`() async throws {
    let workspace = try Workspace(pipeline(everything))
    workspace.folder.write("", to: "straight")
    _ = try await run(workspace)
    try FileManager.default.removeItem(atPath: workspace.folder["straight"])
    for name in ["use1", "use2", "twice1", "twice2", "first"] {
      try? FileManager.default.removeItem(atPath: workspace.folder["seen-" + name])
    }
    try FileManager.default.removeItem(atPath: workspace.folder["order"])
    let events = Events()
    let summary = try await run(workspace, always: true, events)
    #expect(numbers(summary, [\.ran, \.hit, \.failed]) == [9, 0, 0], "\(summary.failures)")
    #expect(events.ran.count == 9)
    #expect(order(workspace).count == 4)
  }

  @Test func `What was computed ahead of a stage that fails is kept, and found when that has succeeded`()
    async throws
  {
    let workspace = try Workspace(pipeline("if [ ! -e @HERE/go ]; then \(everything); exit 1; fi"))
    let summary = try await run(workspace)
    #expect(numbers(summary, [\.planned, \.ran, \.failed]) == [6, 5, 1], "\(summary)")
    #expect(summary.failures.count == 1)
    workspace.folder.write("", to: "go")
    let events = Events()
    let next = try await run(workspace, events)
    #expect(numbers(next, [\.planned, \.ran, \.hit, \.failed]) == [9, 4, 5, 0], "\(next.failures)")
    #expect(Set(events.ran) == ["train", "use[3]", "twice[3]", "all"])
    #expect(order(workspace).filter { $0 == "use 1" }.count == 1)
    #expect(try workspace.output("all", "o", of: next) == whole)
  }

  @Test func `Of a member that changes after it was read nothing wrong comes, and its readers run again`()
    async throws
  {
    let change = "echo 'state 1b' > ckpt/step_1.pt"
    let workspace = try Workspace(pipeline("\(everything); \(change)"))
    let events = Events()
    let summary = try await run(workspace, events)
    #expect(numbers(summary, [\.planned, \.ran, \.hit, \.failed]) == [9, 9, 0, 0], "\(summary.failures)")
    #expect(try workspace.output("all", "o", of: summary) == whole.replacing("state 1", with: "state 1b"))
    #expect(order(workspace).filter { $0 == "use 1" }.count == 2)
    #expect(order(workspace).filter { $0 == "use 2" }.count == 1)
    #expect(events.notes.contains { $0.hasPrefix("use[1] had been computed of what has changed since") })
    let withdrawn = events.all.compactMap { if case .withdrawn(let name) = $0 { name } else { nil } }
    #expect(Set(withdrawn) == ["use[1]", "twice[1]", "first"])
  }

  @Test(arguments: [true, false])
  func `A reader that fails ahead does not end the stage, and is tried again in its turn`(helps: Bool)
    async throws
  {
    // It is either the time at which it runs, or not.
    let reader =
      #"if [ ${step} = 1 -a ! -e @HERE/\#(helps ? "over" : "mended") ]; then touch @HERE/seen-failed; exit 3; fi"#
    let workspace = try Workspace(
      pipeline("seen failed", end: "touch @HERE/over", reader: reader))
    let events = Events()
    let summary = try await run(workspace, events)
    #expect(events.ran.contains("train"))
    #expect(
      events.notes.contains { $0.hasPrefix("use[1] has failed before its turn, and is tried again when") },
      "\(events.notes)")
    if helps {
      #expect(numbers(summary, [\.planned, \.ran, \.failed]) == [9, 9, 0], "\(summary.failures)")
      return
    }
    #expect(summary.failed == 1 && summary.failures.count == 1)
    workspace.folder.write("", to: "mended")
    let next = try await run(workspace)
    #expect(next.failed == 0 && next.hit >= 2, "\(next.failures)")
    #expect(order(workspace).filter { $0 == "end" }.count == 1, "the stage itself is recorded")
    #expect(try workspace.output("all", "o", of: next) == whole)
  }

  @Test func `Where there is one place, nothing runs ahead and everything runs`() async throws {
    let workspace = try Workspace(pipeline())
    let summary = try await run(workspace, jobs: 1)
    #expect(numbers(summary, [\.planned, \.ran, \.failed]) == [9, 9, 0], "\(summary.failures)")
    #expect(order(workspace).first == "end")
    #expect(order(workspace).count == 4)
  }

  @Test func `A reader that is at work when the stage ends does not run twice`() async throws {
    let reader = "touch @HERE/seen-begun; until [ -e @HERE/over ]; do sleep 0.05; done; sleep 1"
    let workspace = try Workspace(pipeline("seen begun", end: "touch @HERE/over", reader: reader))
    let events = Events()
    let summary = try await run(workspace, events)
    #expect(numbers(summary, [\.planned, \.ran, \.failed]) == [9, 9, 0], "\(summary.failures)")
    #expect(order(workspace).count == 4, "\(order(workspace))")
    #expect(order(workspace).first == "end")
    #expect(!events.notes.contains { $0.contains("another brake") }, "\(events.notes)")
  }

  @Test func `A run that is stopped keeps what was computed ahead, and the next goes on`() async throws {
    let wait = "if [ ! -e @HERE/go ]; then touch @HERE/seen; sleep 100; fi"
    let workspace = try Workspace(pipeline("\(everything); \(wait)"))
    let task = Task { try await run(workspace) }
    while !FileManager.default.fileExists(atPath: workspace.folder["seen"]) {
      try await Task.sleep(for: .milliseconds(50))
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    workspace.folder.write("", to: "go")
    let summary = try await run(workspace)
    #expect(numbers(summary, [\.planned, \.ran, \.hit, \.failed]) == [9, 4, 5, 0], "\(summary.failures)")
  }

  @Test func `A list that somebody has written leads to nothing that the outputs do not declare`() throws {
    let workspace = try Workspace(pipeline())
    let instance = try #require(try workspace.engine().plan().instances.first { $0.name == "train" })
    let bytes = Array("state 1\n".utf8)
    let publication = workspace.store.publication()
    workspace.folder.write("state 1\n", to: "x")
    _ = try publication.add(path: workspace.folder["x"])
    try publication.commit()
    func member(
      _ output: String, _ key: String, _ path: String, _ digest: Digest = Digest(of: bytes)
    ) -> SavedList.Member {
      SavedList.Member(
        output: output, key: key, path: path, digest: digest, size: 8, isExecutable: false, modified: 1)
    }
    let key = Digest(of: [1])
    var list = SavedList(of: key, in: workspace.store)
    list.members = [
      member("ckpt", "1", "ckpt/step_1.pt"), member("ckpt", "2", "ckpt/step_3.pt"),
      member("ckpt", "4", "elsewhere/step_4.pt"), member("other", "5", "ckpt/step_5.pt"),
      member("ckpt", "6", "ckpt/step_6.pt", Digest(of: [6])), member("ckpt", "a,b", "ckpt/step_a,b.pt"),
    ]
    try list.write(for: key, in: workspace.store)
    var watch = GrowthWatch(instance, key, goesOn: true, in: workspace.store)
    let (isNew, isNewer) = (watch.look(), watch.look())
    #expect(isNew && watch.members.map(\.key) == ["1"] && watch.members.map(\.file) == ["step_1.pt"])
    #expect(!isNewer)
    // Of one that begins anew, nothing that stood there before is what it makes.
    var other = GrowthWatch(instance, key, goesOn: false, in: workspace.store)
    let isOld = !other.look()
    #expect(isOld && other.members.isEmpty)
    list.members[0] = member("ckpt", "1", "ckpt/step_1.pt")
    list.members.append(member("ckpt", "7", "ckpt/step_7.pt"))
    try list.write(for: key, in: workspace.store)
    let isOther = other.look()
    #expect(isOther && other.members.map(\.key) == ["7"])
  }
}
