import JSON
import PlanSupport
import Support
import Testing

@testable import Actions
@testable import Pipeline

@Suite struct IncludeTests {
  private static let base = """
    params: { sizes: [s, l], steps: 3, data: "${steps}.txt", must: null }
    stages:
      train: { for: { size: "${sizes}" }, op: lm.train, with: { steps: "${steps}" } }
      fit: { for: { size: "${sizes}" }, op: curve.fit, in: { curve: "train[${size}].losses" } }
      table: { op: curve.compare, in: { fits: fit, more: [x] } }
    default: [table]
    """.replacing(", more: [x]", with: "")

  private func file(_ text: String, _ others: [String: String], path: String = "p.yaml") throws
    -> PipelineFile
  {
    try PipelineFile(text: text, path: path) { path in
      guard let text = others[path] else { throw PipelineError("cannot read '\(path)'") }
      return text
    }
  }

  private func plan(
    _ text: String, _ others: [String: String], _ overrides: [(name: String, value: String)] = []
  ) throws -> Plan {
    try Planner(registry: registry).plan(file(text, others), overrides: overrides)
  }

  private func error(_ text: String, _ others: [String: String]) -> String {
    do {
      _ = try plan(text, others)
      return "no error"
    } catch {
      return String(describing: error)
    }
  }

  @Test func `Included stages have a prefix and parameters of their own`() throws {
    let text = """
      params: { steps: 2, size: [m] }
      include:
        - { file: base.yaml, prefix: a-, with: { sizes: "${size}", steps: "${steps}" } }
        - { file: base.yaml, prefix: b- }
      stages:
        all: { op: curve.compare, in: { fits: [a-fit, "b-fit[s]"] } }
        one: { op: curve.fit, in: { curve: "a-train[m].losses" } }
      """
    let plan = try plan(text, ["base.yaml": Self.base], [("steps", "1")])
    #expect(
      plan.names == [
        "a-train[m]", "a-fit[m]", "a-table", "b-train[s]", "b-train[l]", "b-fit[s]", "b-fit[l]", "b-table",
        "all", "one",
      ])
    #expect(plan.parameters("a-train[m]")?["steps"] == 1)
    #expect(plan.parameters("b-train[s]")?["steps"] == 3)
    #expect(plan.source("a-fit[m]", "curve") == .output(instance: "a-train[m]", output: "losses", key: nil))
    #expect(plan.defaults == ["all", "one"])
    #expect(plan["a-fit[m]"]?.position == Position(file: "base.yaml", line: 4, column: 3))
    #expect(plan.parameters == ["steps": 1, "size": ["m"]])
  }

  @Test func `A file that only includes has the targets of what it includes`() throws {
    let plan = try plan("include: [base.yaml]", ["base.yaml": Self.base])
    #expect(plan.defaults == ["table"])
    #expect(plan.names.count == 5)
    let prefixed = "include: [{ file: base.yaml, prefix: x- }]"
    #expect(try self.plan(prefixed, ["base.yaml": Self.base]).defaults == ["x-table"])
  }

  @Test(arguments: ["1..3", "{ from: 1, to: 3 }"])
  func `A range that is given for a list is a list`(range: String) throws {
    let inner = """
      params: { list: [7] }
      stages: { f: { op: curve.fit, in: { curve: a }, with: { skip: "${list}" } } }
      """
    let text = "include: [{ file: i.yaml, with: { list: \(range) } }]"
    #expect(error(text, ["i.yaml": inner]).contains("not a list ([1,2,3])"))
    #expect(error(text.replacing(range, with: "{ from: 1 }"), ["i.yaml": inner]).contains("takes a list"))
  }

  @Test func `The keys of inputs are those of the file that names them`() throws {
    let inner = "stages: { a: { run: x, out: { o: o } }, b: { op: curve.compare, in: { fits: [a, ./f] } } }"
    let plan = try plan("include: [{ file: i.yaml, prefix: p- }]", ["i.yaml": inner])
    guard case .collection(let members) = plan.source("p-b", "fits") else {
      Issue.record("no collection")
      return
    }
    #expect(members.map(\.key) == ["a", "f"])
  }

  @Test func `A file sees its own stages and those that it includes, no others`() throws {
    let inner = "stages: { b: { run: \"cat ${in.i}\", in: { i: outer }, out: { o: o } } }"
    let text = "include: [i.yaml]\nstages: { outer: { run: x, out: { o: o } }, c: { run: y, in: { i: b } } }"
    let plan = try plan(text, ["i.yaml": inner])
    #expect(plan.source("b", "i") == .file("outer"))
    #expect(plan.source("c", "i") == .output(instance: "b", output: "o", key: nil))
  }

  @Test func `Files are found beside the one that includes them`() throws {
    let others = [
      "lib/a.yaml": "include: [../b.yaml, sub/c.yaml]", "b.yaml": "stages: {b: {run: x}}",
      "lib/sub/c.yaml": "stages: {c: {run: x}}",
    ]
    let file = try file("include: [./lib//a.yaml]", others)
    #expect(file.includedPaths == ["lib/a.yaml", "b.yaml", "lib/sub/c.yaml"])
    #expect(file.stageNames == ["b", "c"])
    #expect(PipelineLoader.path("../x.yaml", from: "p.yaml") == "../x.yaml")
    #expect(PipelineLoader.path("../../x.yaml", from: "/a/p.yaml") == "/x.yaml")
    #expect(PipelineLoader.path("/a/./x.yaml", from: "p.yaml") == "/a/x.yaml")
    #expect(PipelineLoader.path("../x.yaml", from: "../a/p.yaml") == "../x.yaml")
  }

  @Test(arguments: [
    ("include: [nowhere.yaml]", "p.yaml:1:11: error: cannot read 'nowhere.yaml'"),
    ("include: [p.yaml]", "p.yaml:1:11: error: files include each other: p.yaml -> p.yaml"),
    ("include: [a.yaml]", "b.yaml:1:11: error: files include each other: a.yaml -> b.yaml -> a.yaml"),
    ("include: [.]", "p.yaml:1:11: error: cannot include '.': it is the folder of the pipeline itself"),
    ("include: [lib/..]", "p.yaml:1:11: error: cannot include 'lib/..': it is the folder of the pipeline"),
    ("include: base.yaml", "include: takes a list of files, not 'base.yaml'"),
    ("include: [{ prefix: x }]", "an entry of include: has no file:"),
    ("include: [{ file: base.yaml, prefx: x }]", "did you mean 'prefix'?"),
    ("include: [{ file: base.yaml, prefix: \"a.\" }]", "'a.' cannot stand before the names of stages"),
    ("params: { f: x }\ninclude: [\"${f}.yaml\"]", "which file is included cannot depend on parameters"),
    (
      "include: [{ file: base.yaml, with: { stps: 1 } }]",
      "p.yaml:1:38: error: 'base.yaml' has no parameter 'stps'"
    ),
    ("include: [{ file: base.yaml, with: { steps: x } }]", "the parameter 'steps' takes a number, not 'x'"),
    ("include: [{ file: base.yaml, with: { steps: \"${y}\" } }]", "unknown name ${y}"),
    ("include: [base.yaml, base.yaml]", "p.yaml:1:22: error: two stages are called 'train'"),
    ("include: [base.yaml]\nstages: { fit: { run: x } }", "p.yaml:1:11: error: two stages are called 'fit'"),
    ("include: [bad.yaml]", "bad.yaml:1:16: error: the stage 's' has no 'rum:'"),
    ("include: [broken.yaml]", "broken.yaml:1:19: error: unknown name ${nothing}"),
    (
      "include: [{ file: base.yaml, prefix: \(String(repeating: "x", count: 99)) }]",
      "has more than 100 bytes"
    ),
    ("include: [\"\"]", "file: takes the path of a pipeline file"), ("include: []", "there is no stages:"),
  ]) func `What is wrong with an include is said where it stands`(text: String, message: String) {
    let others = [
      "base.yaml": Self.base, "p.yaml": text, "a.yaml": "include: [b.yaml]", "b.yaml": "include: [a.yaml]",
      "bad.yaml": "stages: { s: { rum: x } }", "broken.yaml": "stages: {s: {run: \"${nothing}\"}}",
    ]
    let error = error(text, others)
    #expect(error.contains(message), "\(error)")
  }

  @Test func `Chains and numbers of files are bounded`() {
    var others: [String: String] = [:]
    for index in 0..<40 { others["f\(index).yaml"] = "include: [f\(index + 1).yaml]" }
    #expect(error("include: [f0.yaml]", others).contains("more than 16 deep"))
    var tree: [String: String] = [:]
    for index in 0..<10 {
      tree["t\(index).yaml"] =
        "include: [{file: t\(index + 1).yaml, prefix: a}, {file: t\(index + 1).yaml, prefix: b}]"
    }
    tree["t10.yaml"] = "stages: {s: {run: x}}"
    #expect(error("include: [t0.yaml]", tree).contains("more than 256 files are included"))
  }
}
