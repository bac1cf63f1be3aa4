import Artefacts
import Foundation
import JSON
import PlanSupport
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runners
@testable import Runs

/// Commands in Python environments: real ones, of wheels that the tests write.
@Suite(.enabled(if: PythonSamples.canMakeEnvironments, "python3 cannot make virtual environments here"))
struct PythonEnvironmentTests {
  private static let stage = """
    params: { env: .venv }
    stages:
      s:
        run: |
          python3 -c "import thing; print(thing.value)" > ${out.out}
          say-thing >> ${out.out}
          echo "$VIRTUAL_ENV" >&2
        python: { venv: "${env}" }
        out: { out: o.txt }
    """

  @Test func `A command runs in its environment, and equal ones elsewhere give the same key`() async throws {
    let workspace = try Workspace(PythonEnvironmentTests.stage)
    let folder = workspace.folder
    let old = try PythonSamples.wheel("thing", "1.0", value: 5, in: folder)
    let new = try PythonSamples.wheel("thing", "1.1", value: 6, in: folder)
    try PythonSamples.makeEnvironment(at: folder[".venv"], installing: [old])
    let summary = try await workspace.run()
    try #require(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try workspace.output("s", of: summary) == "5\n5\n")
    #expect(try await workspace.run().hit == 1)
    #expect(try await workspace.engine().status(targets: []).map(\.state) == [.upToDate])

    // Below a folder that the sandbox hides, and with the same contents.
    try PythonSamples.makeEnvironment(at: folder["envs/same"], installing: [old])
    #expect(try await workspace.run([], [("env", "envs/same")]).hit == 1)
    try PythonSamples.makeEnvironment(at: folder["envs/other"], installing: [new])
    let other = try await workspace.run([], [("env", "envs/other")])
    try #require(other.failures.isEmpty, "\(other.failures)")
    #expect(other.ran == 1)
    #expect(try workspace.output("s", of: other) == "6\n6\n")
  }

  @Test func `That something was installed since is known before the command runs`() async throws {
    let workspace = try Workspace(PythonEnvironmentTests.stage)
    let folder = workspace.folder
    try PythonSamples.makeEnvironment(
      at: folder[".venv"], installing: [PythonSamples.wheel("thing", "1.0", value: 5, in: folder)])
    #expect(try await workspace.run().ran == 1)
    let libraries = try FileManager.default.contentsOfDirectory(atPath: folder[".venv/lib"])
    let library = try #require(libraries.first { $0.hasPrefix("python") })
    folder.write("value = 1\n", to: ".venv/lib/\(library)/site-packages/other.py")
    #expect(try await workspace.engine().status(targets: []).map(\.state) == [.mustRun])
  }

  @Test func `What differs in an environment is named`() async throws {
    let workspace = try Workspace(PythonEnvironmentTests.stage)
    let folder = workspace.folder
    try PythonSamples.makeEnvironment(
      at: folder[".venv"], installing: [PythonSamples.wheel("thing", "1.0", value: 5, in: folder)])
    #expect(try await workspace.run().ran == 1)
    try PythonSamples.makeEnvironment(
      at: folder["next"], installing: [PythonSamples.wheel("thing", "1.1", value: 5, in: folder)])
    let engine = try workspace.engine([("env", "next")])
    // Its interpreter has not been asked yet, which looking does not do.
    #expect(try await engine.status(targets: []).map(\.state) == [.unknown])
    try await workspace.run([], [("env", "next")])
    let key = try #require(try await workspace.engine([("env", "next")]).status(targets: []).first?.key)
    let manifest = try #require(try workspace.store.record(key)?.manifest)
    #expect(manifest["python"]?["packages"]?["thing"]?.string == "1.1")
    let first = try #require(try await workspace.engine().status(targets: []).first?.key)
    let before = ManifestFacts(try #require(try workspace.store.record(first)?.manifest))
    let differences = ManifestFacts(manifest).differences(from: before)
    #expect(differences.contains { $0.what == "package thing" && $0.before == "1.0" && $0.now == "1.1" })
  }

  @Test(.enabled(if: TestSandbox.works))
  func `A command cannot write to its environment, nor see what stands beside it`() async throws {
    let workspace = try Workspace(
      """
      stages:
        s:
          run: |
            ! touch "$VIRTUAL_ENV/new"
            ls @HERE/envs > ${out.out}
          python: { venv: envs/one }
          out: { out: o.txt }
      """, files: ["envs/secret": "x"])
    try PythonSamples.makeEnvironment(at: workspace.folder["envs/one"])
    let summary = try await workspace.run()
    try #require(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try workspace.output("s", of: summary) == "one\n")
  }

  @Test func `An environment is made of requirements once, and again when they change`() async throws {
    let workspace = try Workspace(
      """
      stages:
        s:
          for: { n: [1, 2, 3] }
          run: |
            python3 -c "import thing; print(thing.value + ${n})" > ${out.out}
          python: { requirements: requirements.txt }
          out: { out: o.txt }
      """)
    let folder = workspace.folder
    _ = try PythonSamples.wheel("thing", "1.0", value: 5, in: folder)
    _ = try PythonSamples.wheel("thing", "1.1", value: 7, in: folder)
    let source = "--no-index\n--find-links \(folder["wheels"])\n"
    folder.write(source + "thing==1.0\n", to: "requirements.txt")
    #expect(try await workspace.engine().status(targets: ["s[1]"]).map(\.state) == [.unknown])
    let events = Events()
    let summary = try await workspace.run(events: events)
    try #require(summary.failures.isEmpty, "\(summary.failures)")
    #expect(summary.ran == 3)
    #expect(try workspace.output("s[2]", of: summary) == "7\n")
    #expect(events.notes.filter { $0.hasPrefix("makes the Python environment of") }.count == 1)

    let again = Events()
    #expect(try await workspace.run(events: again).hit == 3)
    #expect(!again.notes.contains { $0.contains("the Python environment") })
    // Also where python3 is a script that chooses between others, and a run asks it each time.
    let states = try await workspace.engine().status(targets: []).map(\.state)
    #expect(states == Array(repeating: .upToDate, count: 3))
    let exact = try await workspace.engine().status(targets: [], isLooking: false).map(\.state)
    #expect(exact == states)
    #expect(try await workspace.engine().recordedActions().count == 3)

    // What nobody has used for a month goes when another one is made.
    let environments = folder["cache/index/environments"]
    func made() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: environments).filter { !$0.hasSuffix(".lock") }
    }
    let old = try #require(made().first)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -40 * 86_400)],
      ofItemAtPath: "\(environments)/\(old)/used")
    folder.write(source + "thing==1.1\n", to: "requirements.txt")
    let changed = try await workspace.run(["s[2]"])
    #expect(try made().count == 1 && made().first != old)
    #expect(try workspace.output("s[2]", of: changed) == "9\n")

    // What is half made is made anew.
    for name in try made() {
      try FileManager.default.removeItem(atPath: "\(environments)/\(name)/complete")
    }
    let unmade = try await workspace.engine().status(targets: ["s[2]"], isLooking: false).map(\.state)
    #expect(unmade == [.unknown])
    #expect(try await workspace.engine().recordedActions(targets: ["s[2]"]).isEmpty)
    #expect(try await workspace.run(["s[2]"]).hit == 1)
  }

  @Test func `Requirements that cannot be had fail with what pip says, and what to do`() async throws {
    let workspace = try Workspace(
      """
      stages:
        s:
          run: "true > ${out.out}"
          python: { requirements: requirements.txt }
          out: { out: o.txt }
        t: { run: "true > ${out.out}", python: { venv: nowhere }, out: { out: o.txt } }
      """, files: ["requirements.txt": "--no-index\nthere-is-no-such-thing==1\n"])
    let failure = try #require(try await workspace.run(["s"]).failures.first)
    #expect(failure.headline == "the Python environment of requirements.txt cannot be made")
    #expect(failure.facts.contains { $0.label == "said" && $0.value.contains("there-is-no-such-thing") })
    #expect(failure.position != nil)
    let log = try #require(failure.facts.first { $0.label == "log" }?.value)
    #expect(FileManager.default.fileExists(atPath: log))
    let missing = try #require(try await workspace.run(["t"]).failures.first)
    #expect(missing.headline == "there is no folder 'nowhere' with a Python environment")
    #expect(missing.hint?.contains("python3 -m venv nowhere") == true)
  }

  @Test func `An environment that an earlier stage of the run has changed is another one`() async throws {
    let workspace = try Workspace(
      """
      stages:
        first:
          run: |
            python3 -c "import thing; print(1)" > ${out.out}
          python: { venv: .venv }
          out: { out: o.txt }
        change:
          run: |
            @HERE/.venv/bin/python3 -m pip install -q --no-index --disable-pip-version-check @HERE/wheels/*-1.1-*
            cp ${in.x} ${out.out}
          sandbox: false
          in: { x: first.out }
          out: { out: o.txt }
        last:
          run: |
            python3 -c "import thing; print(thing.value)" > ${out.out}
          python: { venv: .venv }
          in: { x: change.out }
          out: { out: o.txt }
      """)
    let folder = workspace.folder
    let old = try PythonSamples.wheel("thing", "1.0", value: 5, in: folder)
    _ = try PythonSamples.wheel("thing", "1.1", value: 6, in: folder)
    try PythonSamples.makeEnvironment(at: folder[".venv"], installing: [old])
    let summary = try await workspace.run(["last"])
    try #require(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try workspace.output("last", of: summary) == "6\n")
    // The first one ran in what is there no more; the last one is recorded with what it ran in.
    let again = try await workspace.run(["last"])
    #expect(again.ran == 1 && again.hit == 2)
  }

  @Test func `What ran while its environment changed is not kept`() async throws {
    let workspace = try Workspace(
      """
      stages:
        s:
          run: |
            python3 -m pip install -q --no-index --disable-pip-version-check @HERE/wheels/*-1.1-*
            python3 -c "import thing; print(thing.value)" > ${out.out}
          python: { venv: .venv }
          sandbox: false
          out: { out: o.txt }
      """)
    let folder = workspace.folder
    let old = try PythonSamples.wheel("thing", "1.0", value: 5, in: folder)
    _ = try PythonSamples.wheel("thing", "1.1", value: 6, in: folder)
    try PythonSamples.makeEnvironment(at: folder[".venv"], installing: [old])
    let events = Events()
    let summary = try await workspace.run(events: events)
    try #require(summary.failures.isEmpty, "\(summary.failures)")
    #expect(events.notes.contains { $0.contains("s is planned again") && $0.contains(".venv") })
    // The next run asks the interpreter of the changed environment again, and finds what the one before has recorded.
    #expect(try await workspace.run().hit == 1)
    let key = try #require(try await workspace.engine().status(targets: []).first?.key)
    let manifest = try #require(try workspace.store.record(key)?.manifest)
    #expect(manifest["python"]?["packages"]?["thing"]?.string == "1.1")
  }

  @Test func `An environment that a command could not see or find is refused`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: \"true > ${out.out}\", python: { venv: . }, out: { out: o.txt } } }\n")
    try PythonSamples.makeEnvironment(at: workspace.folder.path)
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline == "the Python environment '.' is the whole folder in which the pipeline runs")
    #expect(failure.hint?.contains("python3 -m venv .venv") == true)

    let error = planError(
      "stages: { s: { run: x, python: { venv: a }, env: { PATH: /bin }, out: { out: o.txt } } }\n")
    #expect(error.contains("env: sets PATH, and so hides the environment"), "\(error)")
  }
}
