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

/// Environments that uv makes of what it has locked: the real uv, with wheels that the tests write.
@Suite(
  .enabled(if: PythonSamples.canMakeEnvironments, "python3 cannot make virtual environments here"),
  .enabled(if: PythonSamples.hasUV, "uv is not installed"))
struct LockedEnvironmentTests {
  private static let stage = """
    stages:
      s:
        run: |
          python3 -c "import thing; print(thing.value)" > ${out.out}
        python: { lock: uv.lock }
        out: { out: o.txt }
    """

  /// A project that needs `thing`, locked at the newest of the wheels that there are.
  private static func lock(in folder: TemporaryFolder) throws {
    let project = """
      [project]
      name = "study"
      version = "0.1"
      requires-python = ">=3.8"
      dependencies = ["thing"]
      [tool.uv]
      no-index = true
      find-links = ["\(folder["wheels"])"]

      """
    folder.write(project, to: "pyproject.toml")
    try PythonSamples.lock(in: folder.path)
  }

  @Test func `uv makes the environment once, of what is locked, whatever there is by now`() async throws {
    let workspace = try Workspace(LockedEnvironmentTests.stage)
    let folder = workspace.folder
    _ = try PythonSamples.wheel("thing", "1.0", value: 5, in: folder)
    try LockedEnvironmentTests.lock(in: folder)
    _ = try PythonSamples.wheel("thing", "1.1", value: 7, in: folder)
    let events = Events()
    let summary = try await workspace.run(events: events)
    try #require(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try workspace.output("s", of: summary) == "5\n")
    #expect(events.notes.contains("makes the Python environment of uv.lock"))
    let again = Events()
    #expect(try await workspace.run(events: again).hit == 1)
    #expect(!again.notes.contains { $0.contains("the Python environment") })

    // The key holds what is installed, as it does of an environment that pip has made of the same wheel.
    let record = try #require(try workspace.store.records { _ in }.first { $0.stage == "s" })
    let python = try #require(record.manifest["python"])
    #expect(python["packages"] == ["thing": "1.0"])
    let files = StatCache(store: workspace.store)
    let wheel = folder["wheels/thing-1.0-py3-none-any.whl"]
    try PythonSamples.makeEnvironment(at: folder["same"], installing: [wheel])
    // Which Python puts there itself before 3.12.
    try PythonSamples.uninstall("setuptools", from: folder["same"])
    let same = try InstalledPackages(in: folder["same"], files: files, on: workspace.store.files)
    #expect(python["installed"]?.string == same.digest.description)

    // Locked anew, it is another one.
    try FileManager.default.removeItem(atPath: folder["uv.lock"])
    try LockedEnvironmentTests.lock(in: folder)
    let changed = try await workspace.run()
    try #require(changed.failures.isEmpty, "\(changed.failures)")
    #expect(try workspace.output("s", of: changed) == "7\n")
  }

  @Test func `A file with another digest than the locked one is refused by uv`() async throws {
    let workspace = try Workspace(LockedEnvironmentTests.stage)
    let folder = workspace.folder
    _ = try PythonSamples.wheel("thing", "1.0", value: 5, in: folder)
    try LockedEnvironmentTests.lock(in: folder)
    let text = try #require(folder.read("uv.lock").map { String(decoding: $0, as: UTF8.self) })
    // uv writes none of files in a folder, and checks one that is there.
    let wrong = String(repeating: "0", count: 64)
    let changed = text.replacing(".whl\" }", with: ".whl\", hash = \"sha256:\(wrong)\" }")
    try #require(changed != text)
    folder.write(changed, to: "uv.lock")
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline == "the Python environment of uv.lock cannot be made")
    #expect(failure.facts.contains { $0.label == "said" && $0.value.lowercased().contains("hash") })
    #expect(failure.hint?.contains("uv sync --frozen") == true)
  }

  @Test func `A lock without its project is refused`() async throws {
    let workspace = try Workspace(LockedEnvironmentTests.stage, files: ["uv.lock": "version = 1\n"])
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.description.contains("pyproject.toml"), "\(failure)")
  }
}

/// Without uv, which these need not have.
@Suite struct MissingUVTests {
  @Test func `Variables that change what uv installs are kept from it, and those of where it looks are not`()
  {
    let misleading = EnvironmentBuilder.misleading
    for name in ["UV_NO_DEV", "UV_NO_GROUP", "UV_NO_DEFAULT_GROUPS", "UV_NO_SOURCES", "UV_NO_INSTALL_LOCAL"] {
      #expect(misleading.contains(name))
    }
    for name in ["UV_DEFAULT_INDEX", "UV_CACHE_DIR", "PIP_INDEX_URL"] { #expect(!misleading.contains(name)) }
  }

  @Test func `Where uv is missing the error says how to get it`() throws {
    let file = EnvironmentSource.File(digest: Digest(of: []), path: "/uv.lock", name: "uv.lock")
    let order = MadeEnvironments.Order(
      source: .lock(file, project: file), name: "uv.lock", interpreter: "/usr/bin/python3", version: "3")
    let folder = TemporaryFolder()
    let store = try Store(at: folder["cache"])
    let failure = #expect(throws: Failure.self) {
      try EnvironmentBuilder(order, guardExecutable: nil, disk: store.files, searchPath: folder.path)
    }
    #expect(failure?.headline == "uv is not installed, which makes the Python environment of uv.lock")
    #expect(failure?.hint?.contains("pip install uv") == true)
  }
}
