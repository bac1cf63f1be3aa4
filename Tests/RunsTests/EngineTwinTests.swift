import Actions
import Artefacts
import Support
import Testing

@testable import Pipeline
@testable import Runs

@Suite struct EngineTwinTests {
  private let twins = """
    stages:
      s: { for: { i: 1..4 }, run: "echo x >> @HERE/count; echo hi > ${out.o}", out: { o: o.txt }, publish: "results/${i}.txt" }
      after: { run: "cat ${in.all} > ${out.o}", in: { all: s }, out: { o: all.txt } }
    """

  private func runs(_ workspace: Workspace) -> Int { workspace.text("count")?.count { $0 == "\n" } ?? 0 }

  @Test(arguments: [1, 3]) func `An action that occurs several times in a run is computed once`(
    jobs: Int
  ) async throws {
    let workspace = try Workspace(twins)
    var options = RunOptions()
    options.jobs = jobs
    let summary = try await workspace.run(options: options)
    #expect(runs(workspace) == 1)
    #expect((summary.planned, summary.ran, summary.hit) == (5, 2, 3))
    #expect(try workspace.output("after", "o", of: summary) == "hi\nhi\nhi\nhi\n")
    // Each publishes what it has by its own rules.
    for i in 1...4 { #expect(workspace.text("results/\(i).txt") == "hi\n") }
  }

  @Test func `-B, too, computes an action once`() async throws {
    let workspace = try Workspace(twins)
    try await workspace.run()
    var options = RunOptions()
    options.always = true
    options.jobs = 1
    #expect(try await workspace.run(options: options).ran == 2)
    #expect(runs(workspace) == 2)
  }

  @Test func `An action that fails for one stage is not tried again for another`() async throws {
    let workspace = try Workspace(
      """
      stages:
        s: { for: { i: 1..3 }, run: "echo x >> @HERE/count; exit 1", out: { o: o.txt } }
        t: { run: "echo fine > ${out.o}", out: { o: o.txt } }
      """)
    var options = RunOptions()
    options.keepGoing = true
    let summary = try await workspace.run(options: options)
    #expect((summary.failed, summary.ran) == (3, 1))
    #expect(runs(workspace) == 1)
    #expect(summary.failures.contains { $0.headline == "the same action has failed for 's[1]'" })
  }
}
