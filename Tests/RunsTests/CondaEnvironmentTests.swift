import Artefacts
import Foundation
import JSON
import PlanSupport
import Support
import System
import Testing

@testable import Runs

/// Commands in conda environments: real ones, which rattler makes of packages that the tests write.
@Suite(.enabled(if: PythonSamples.hasRattler, "rattler is not installed"))
struct CondaEnvironmentTests {
  private static let stage = """
    params: { env: env }
    stages:
      s:
        run: |
          python3 -c "import sys, thing; print(thing.value, sys.flags.no_user_site)" > ${out.out}
          cat "$CONDA_PREFIX/share/gold.txt" >> ${out.out}
          echo "${VIRTUAL_ENV:-none}" >> ${out.out}
        python: { conda: "${env}" }
        out: { out: o.txt }
    """

  @Test func `A command runs in its environment, equal ones elsewhere give the same key, others another`()
    async throws
  {
    let workspace = try Workspace(
      CondaEnvironmentTests.stage.replacing("${VIRTUAL_ENV", with: "$${VIRTUAL_ENV"))
    let folder = workspace.folder
    try CondaSamples.makeEnvironment(at: folder["env"], value: 5, in: folder)
    let summary = try await workspace.run()
    try #require(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try workspace.output("s", of: summary) == "5 1\ngold\nnone\n")
    #expect(try await workspace.run().hit == 1)
    let record = try #require(try workspace.store.records { _ in }.first { $0.stage == "s" })
    let packages = try #require(record.manifest["python"]?["packages"]?.object)
    #expect(packages["conda thing"]?.string == "1.5 pyh_0" && packages["conda gold"]?.string == "2.0 h_1")
    #expect(packages["conda python"]?.string?.hasSuffix(" 0_cpython") == true)

    try CondaSamples.makeEnvironment(at: folder["far/same"], value: 5, in: folder)
    #expect(try await workspace.run([], [("env", "far/same")]).hit == 1)
    try CondaSamples.makeEnvironment(at: folder["other"], value: 6, in: folder)
    let other = try await workspace.run([], [("env", "other")])
    try #require(other.failures.isEmpty, "\(other.failures)")
    #expect(other.ran == 1)
    // What is put beside the packages counts, too.
    folder.write("mine = 1\n", to: "far/same/lib/\(try packagesFolder(folder["far/same"]))/mine.py")
    #expect(try await workspace.run([], [("env", "far/same")]).ran == 1)
  }

  private func packagesFolder(_ environment: String) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: environment + "/lib")
    return try #require(names.first { $0.hasPrefix("python3.") }) + "/site-packages"
  }
}
