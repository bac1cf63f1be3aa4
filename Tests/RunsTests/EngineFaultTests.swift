import Artefacts
import Foundation
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

private let pipeline = """
  stages:
    doubled:
      op: text.repeat
      in: { text: source.txt }
      publish: results/
    parts:
      op: text.split
      in: { text: lines.txt }
      publish: results/
    all:
      run: cat ${in.parts} ${in.doubled} > ${out.out}
      in: { parts: parts, doubled: doubled }
      out: { out: all.txt }
      sandbox: false
      publish: results/
  default: [doubled, parts, all]
  """

/// Of the looks, reads and writes that a run makes, one fails, or is the last. Whatever happens, the run says so or is right,
/// and the next one is right.
@Suite struct EngineFaultTests {
  private func make() throws -> Workspace {
    try Workspace(pipeline, files: ["source.txt": "ab", "lines.txt": "x 1\ny 2\n"])
  }

  private func run(_ workspace: Workspace, on files: any FileSystem) async throws -> RunSummary {
    var options = RunOptions()
    options.jobs = 1
    return try await workspace.engine(on: files).run(targets: [], options: options)
  }

  private func check(_ workspace: Workspace, _ place: Comment) {
    #expect(workspace.text("results/out.txt") == "abab", place)
    #expect(workspace.text("results/all.txt") == "12abab", place)
    #expect(
      workspace.text("results/parts/x.txt") == "1" && workspace.text("results/parts/y.txt") == "2", place)
  }

  enum Beginning: String, CaseIterable {
    /// Nothing has run yet.
    case new
    /// All has run, and what was published is not as it was left.
    case changed
  }

  private func begin(_ beginning: Beginning) async throws -> Workspace {
    let workspace = try make()
    if beginning == .new { return workspace }
    _ = try await run(workspace, on: .withoutSynchronising)
    workspace.folder.write("my own", to: "results/all.txt")
    try FileManager.default.removeItem(atPath: workspace.folder["results/parts"])
    return workspace
  }

  @Test(arguments: Beginning.allCases, [Fault.error(EIO), .short, .stop])
  func `No fault makes a run wrong without a word`(beginning: Beginning, fault: Fault) async throws {
    var points = 0
    var wasReached = true
    var failed = 0
    while wasReached {
      // Every call would take minutes.
      points += fault == .error(EIO) ? 5 : 11
      let workspace = try await begin(beginning)
      let faulty = CrashingFileSystem(failingAt: points, fault)
      let place: Comment = "\(beginning), \(fault.testDescription) at call \(points)"
      do {
        let summary = try await run(workspace, on: faulty)
        if summary.failed + summary.skipped == 0 { check(workspace, place) } else { failed += 1 }
      } catch is Failure { failed += 1 } catch is PipelineError { failed += 1 }
      wasReached = faulty.wasReached
      let next = try await run(workspace, on: .withoutSynchronising)
      #expect(next.failures.isEmpty, place)
      check(workspace, place)
      let quarantine = try? FileManager.default.contentsOfDirectory(
        atPath: workspace.folder["cache/quarantine"])
      #expect(quarantine ?? [] == [], place)
    }
    print(
      "faults: run, \(beginning.rawValue), \(fault.testDescription): \(points) points, \(failed) failures")
    // A look has no half of an answer, and few reads have.
    #expect(points > 50 && (failed > 0 || fault == .short))
  }
}
