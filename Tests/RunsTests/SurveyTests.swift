import Actions
import Testing

@testable import Runs

@Suite struct SurveyTests {
  @Test func `Who asks for states alone is told the key of what is recorded, and not all that is`()
    async throws
  {
    let workspace = try Workspace(
      "stages: { a: { run: 'echo a > ${out.o}', out: { o: o.txt }, sandbox: false } }")
    try await workspace.run()
    let engine = try workspace.engine()
    let whole = try #require(try Survey(engine, targets: []).findings.first)
    let lean = try #require(try Survey(engine, targets: [], keepsRecorded: false).findings.first)
    #expect(lean.state == .upToDate && lean.action == nil && lean.record == nil)
    #expect(whole.record != nil && lean.key == whole.action?.key && whole.key == lean.key)
  }
}
