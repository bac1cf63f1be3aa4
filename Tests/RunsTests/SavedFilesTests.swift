import Artefacts
import Foundation
import JSON
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

@Suite struct SavedFilesTests {
  /// Saves a file for each step, fails at the second one, and goes on from the last one.
  private func pipeline(_ rest: String, fail: String = "exit 1") -> String {
    """
    stages:
      train:
        run: |
          mkdir -p steps
          step=0
          if [ -n "$${BRAKE_RESUME-}" ]; then
            cp "$BRAKE_RESUME"/steps/* steps/; step=$(ls steps | sort -n | tail -n 1)
          fi
          echo "from $step"
          while [ $step -lt 4 ]; do
            step=$((step + 1)); echo "state $step" > steps/$step
            printf '{"event":"saved","path":"steps/%s"}\\n' $step >> "$BRAKE_EVENTS"
            if [ $step = 2 ]; then \(fail); fi
          done
          cat steps/* > ${out.out}
        out: { out: o.txt, steps: steps/* }
        \(rest)
    """
  }

  private func run(_ workspace: Workspace, options: RunOptions = RunOptions()) async throws -> RunSummary {
    var engine = try workspace.engine()
    engine.backoff = Backoff(base: .milliseconds(1))
    return try await engine.run(targets: [], options: options)
  }

  private func log(_ workspace: Workspace) async throws -> String {
    let log = try #require(try await workspace.engine().logs(targets: ["train"]).first)
    var text: [UInt8] = []
    try log.stream { text += $0 }
    return String(decoding: text, as: UTF8.self)
  }

  private func kept(_ workspace: Workspace) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/failed"])) ?? [])
      .filter { $0.hasSuffix("-saved") }
  }

  private let whole = "state 1\nstate 2\nstate 3\nstate 4\n"

  @Test(arguments: ["", "sandbox: false"])
  func `The next run goes on from what a failed one had saved, and the record says so`(rest: String)
    async throws
  {
    let workspace = try Workspace(pipeline(rest))
    #expect(try await run(workspace).failed == 1)
    #expect(kept(workspace).count == 1)
    let summary = try await run(workspace)
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("train", of: summary) == whole)
    let printed = try await log(workspace)
    #expect(printed.hasPrefix("from 0\n") && printed.hasSuffix("\nfrom 2\n"))
    #expect(try workspace.store.records { _ in }.map(\.isResumed) == [true])
    #expect(kept(workspace) == [], "it is not wanted any more")
    // The same bytes as of one that was never stopped.
    let straight = try Workspace(
      pipeline(rest, fail: ":").replacing("if [ $step = 2 ]; then :; fi", with: "true"))
    #expect(try await run(straight).outputs["train"] == summary.outputs["train"])
    #expect(try straight.store.records { _ in }.map(\.isResumed) == [false])
  }

  @Test func `So does the next attempt of the same run`() async throws {
    let workspace = try Workspace(pipeline("retries: 1"))
    let summary = try await run(workspace)
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("train", of: summary) == whole)
    #expect(try await log(workspace) == "from 0\n--- attempt 1 of 2 failed: the command failed\nfrom 2\n")
  }

  @Test func `What is made anew begins anew, and what is changed does not go on from what it was`()
    async throws
  {
    let workspace = try Workspace(pipeline(""))
    #expect(try await run(workspace).failed == 1)
    var anew = RunOptions()
    anew.always = true
    #expect(try await run(workspace, options: anew).failed == 1)
    #expect(try await log(workspace) == "from 0\n")
    workspace.folder.write(pipeline("env: { SEED: 2 }"), to: "brake.yaml")
    #expect(try await run(workspace).failed == 1)
    #expect(try await log(workspace) == "from 0\n")
  }

  @Test func `What a command removes again is kept until it saves something else`() async throws {
    let workspace = try Workspace(
      """
      stages:
        train:
          run: |
            save() {
              echo "state $1" > $1; printf '{"event":"saved","path":"%s"}\\n' $1 >> "$BRAKE_EVENTS"
              until ls @HERE/cache/failed/*-saved/$1; do sleep 0.05; done
            }
            if [ -n "$${BRAKE_RESUME-}" ]; then save next; exit 1; fi
            save one; save two; rm one; save three; rm three
            exit 1
          sandbox: false
      """)
    #expect(try await run(workspace).failed == 1)
    let folder = "cache/failed/" + (try #require(kept(workspace).first))
    func names() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: workspace.folder[folder]).sorted()
    }
    #expect(try names() == ["three", "two"])
    // What an earlier attempt saved stays, whether this one has restored it or not.
    #expect(try await run(workspace).failed == 1)
    #expect(try names() == ["next", "three", "two"])
  }

  @Test func `A command cannot have anything else kept or given to it`() async throws {
    let workspace = try Workspace(
      """
      stages:
        train:
          run: |
            mkdir -p real .hidden; ln -s / root; ln -s @HERE/secret link; echo x > real/file; echo x > .hidden/file
            mkfifo pipe
            for path in @HERE/secret ../../../secret root/@HERE/secret link real pipe .hidden/file real/../real/file \
                absent "" . .. real//file real/file; do
              printf '{"event":"saved","path":"%s"}\\n' "$path" >> "$BRAKE_EVENTS"
            done
            printf '{"event":"saved","path":7}\\n{"event":"saved"}\\n' >> "$BRAKE_EVENTS"
            find "$${BRAKE_RESUME:-/nothing}" -type f > list || true
            cat list
            exit 1
      """, files: ["secret": "secret"])
    #expect(try await run(workspace).failed == 1)
    let folder = "cache/failed/" + (try #require(kept(workspace).first))
    let found = FileManager.default.enumerator(atPath: workspace.folder[folder])?.compactMap { $0 as? String }
    #expect(found?.sorted() == ["real", "real/file"])
    #expect(workspace.text(folder + "/real/file") == "x\n")
  }

  @Test func `What cannot be kept is nothing from which an attempt goes on`() async throws {
    let workspace = try Workspace(
      """
      stages:
        train:
          run: |
            mkdir folder; printf '{"event":"saved","path":"folder"}\\n' >> "$BRAKE_EVENTS"; exit 1
      """)
    #expect(try await run(workspace).failed == 1)
    let left = try FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/failed"])
    #expect(left.allSatisfy { !$0.contains("-saved") }, "\(left)")
  }

  @Test func `The log of a killed attempt is that of the last one, found as soon as there is a place for it`()
    throws
  {
    let folder = TemporaryFolder()
    let store = try Store(at: folder["store"])
    try store.make()
    let key = Digest(of: Array("action".utf8))
    func trace(_ log: String) -> AttemptTrace {
      let trace = AttemptTrace(of: key, in: store, notes: ActionNotes(), earlier: nil)
      folder.write(log, to: log)
      trace.prints(folder[log])
      return trace
    }
    let first = trace("first")
    first.hasSaved()
    #expect(!AttemptTrace.wasKilled(key, in: store))
    try FileManager.default.createDirectory(atPath: folder["store/failed"], withIntermediateDirectories: true)
    first.hasSaved()
    trace("second").hasSaved()
    #expect(AttemptTrace.printed(of: key, in: store).starts(with: Array("second\n".utf8)))
  }

  @Test func `In a sandbox, what was saved cannot be changed`() async throws {
    guard TestSandbox.works else { return }
    let workspace = try Workspace(
      pipeline("").replacing(
        "echo \"from $step\"", with: "if echo bad > $${BRAKE_RESUME-/nothing}/steps/1; then echo changed; fi")
    )
    #expect(try await run(workspace).failed == 1)
    let summary = try await run(workspace)
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("train", of: summary) == whole)
  }

  @Test(arguments: ["", "/deep"])
  func `A link among what was saved is refused, and what it leads to stays as it is`(below: String) throws {
    let folder = TemporaryFolder()
    folder.write("mine", to: "victim/papers/thesis")
    let store = try Store(at: folder["store"])
    let publication = store.publication()
    let artefact = try publication.add(bytes: Array("other".utf8))
    try publication.commit()
    let key = Digest(of: Array("action".utf8))
    let place = "store/failed/\(key.hex)-saved" + below
    folder.write("", to: parentFolder(of: place) + "/beside")
    #expect(symlink(folder["victim"], folder[place]) == 0)
    let saved = SavedFiles(store: store)
    let name = below.isEmpty ? "" : "deep/"
    // One that is in the store, and one that is lost.
    let lost = Digest(of: Array("lost".utf8))
    for (path, digest) in [("papers/thesis", artefact.digest), ("papers", lost)] {
      var list = SavedList(of: key, in: store)
      list.members = [
        SavedList.Member(
          output: "out", key: "1", path: name + path, digest: digest, size: artefact.size,
          isExecutable: false,
          modified: 0)
      ]
      try list.write(for: key, in: store)
      let error = #expect(throws: Failure.self) { try saved.restore(key) }
      #expect(error?.headline.contains("links in a store are not followed") == true)
      saved.drop(name + path, of: key)
      let left = FileManager.default.contents(atPath: folder["victim/papers/thesis"])
      #expect(left == Data("mine".utf8))
    }
  }
}
