import Artefacts
import JSON
import PlanSupport
import Support
import Testing

@testable import Pipeline
@testable import Runs

/// A reason is a thing that differs, never an artefact of the comparison.
@Suite struct ExplanationTests {
  private func differences(_ before: JSON, _ now: JSON) -> [Explanation.Difference] {
    ManifestFacts(now).differences(from: ManifestFacts(before))
  }

  private func digest(_ text: String) -> JSON { .string(Digest(of: Array(text.utf8)).description) }
  private func content(_ text: String) -> String { Digest(of: Array(text.utf8)).description }

  private func inputs(_ members: [(String, String)]) -> JSON {
    ["inputs": ["all": .array(members.map { [.string($0.0), digest($0.1)] })]]
  }

  @Test func `A member that came in the middle does not make the later ones differ`() {
    let found = differences(
      inputs([("1", "one"), ("3", "three"), ("4", "four")]),
      inputs([("1", "one"), ("2", "two"), ("3", "three"), ("4", "four")]))
    #expect(found == [.init(what: "input all[2]", before: nil, now: content("two"))])
  }

  @Test func `One artefact that becomes two shows the second alone`() {
    let found = differences(
      inputs([("in/all/a", "one")]), inputs([("in/all/a", "one"), ("in/all/b", "two")]))
    #expect(found == [.init(what: "input all[in/all/b]", before: nil, now: content("two"))])
    let back = differences(inputs([("in/all/a", "one"), ("in/all/b", "two")]), inputs([("in/all/a", "one")]))
    #expect(back == [.init(what: "input all[in/all/b]", before: content("two"), now: nil)])
  }

  @Test func `Another order, and another place of the same bytes, are said to be so`() {
    #expect(
      differences(inputs([("a", "one"), ("b", "two")]), inputs([("b", "two"), ("a", "one")]))
        == [.init(what: "input all order", before: "a, b", now: "b, a")])
    #expect(
      differences(inputs([("old.txt", "one")]), inputs([("new.txt", "one")]))
        == [.init(what: "input all place", before: "old.txt", now: "new.txt")])
    #expect(
      differences(inputs([("old.txt", "one")]), inputs([("new.txt", "two")]))
        == [.init(what: "input all", before: content("one"), now: content("two"))])
  }

  @Test func `What only earlier manifests had, and nothing depends on, is no reason`() {
    #expect(differences(["command": "x", "passed": ["FOO"]], ["command": "x"]) == [])
  }

  @Test func `Inputs are matched by name`() {
    let found = differences(
      ["inputs": ["a": digest("one"), "c": digest("three")]],
      ["inputs": ["b": digest("two"), "c": digest("three")]])
    #expect(
      found == [
        .init(what: "input a", before: content("one"), now: nil),
        .init(what: "input b", before: nil, now: content("two")),
      ])
  }

  @Test func `An action is compared with its own stage, however close another stage is`() async throws {
    let workspace = try Workspace(
      """
      params: { times: 2, separator: "" }
      stages:
        a: { op: text.repeat, in: { text: one.txt }, with: { times: "${times}", separator: "${separator}" } }
        b: { op: text.repeat, in: { text: one.txt }, with: { times: 3, separator: "-" } }
      """, files: ["one.txt": "x"])
    try await workspace.run(["a", "b"])
    let why = try await workspace.engine([("times", "4"), ("separator", "-")]).why(targets: ["a"])
    #expect(why.first?.relative?.stage == "a")
    #expect(why.first?.differences.map(\.what) == ["parameter separator", "parameter times"])
  }

  @Test func `A relative of another stage is said to be one`() async throws {
    let workspace = try Workspace(
      """
      stages:
        a: { op: text.repeat, in: { text: one.txt }, with: { times: 3 } }
        b: { op: text.repeat, in: { text: one.txt }, with: { times: 4 } }
      """, files: ["one.txt": "x"])
    try await workspace.run(["b"])
    let why = try #require(try await workspace.engine().why(targets: ["a"]).first)
    #expect(why.relative?.isOtherStage == true)
    #expect(why.verdict.contains("it has not run before"))
  }

  @Test func `Among stages of one name that of the same pipeline is compared with`() async throws {
    let stage = """
      params: { times: 2, separator: "" }
      stages:
        a: { op: text.repeat, in: { text: one.txt }, with: { times: "${times}", separator: "${separator}" } }
      """
    let workspace = try Workspace(stage, files: ["one.txt": "x"])
    try await workspace.run(["a"])
    let other = Engine(
      source: PipelineSource(try PipelineFile(text: stage, path: "other.yaml")),
      overrides: [("times", "3"), ("separator", "-")],
      root: workspace.folder.path, store: workspace.store, registry: workspace.registry)
    _ = try await other.run(targets: ["a"])
    // Of the other pipeline one parameter differs, of this one two.
    let why = try await workspace.engine([("times", "4"), ("separator", "-")]).why(targets: ["a"])
    #expect(why.first?.differences.map(\.what) == ["parameter separator", "parameter times"])
  }
}
