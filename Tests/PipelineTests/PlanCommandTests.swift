import Actions
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct PlanCommandTests {
  @Test func `A command keeps the paths for the runner and gets the rest`() throws {
    let plan = try plan(
      """
      params: { n: 2 }
      stages:
        s:
          for: { x: [a] }
          run: tool -n ${n} ${in.data} -o ${out.table} "$HOME" `pwd` ${x}
          in: { data: "${x}.csv" }
          out: { table: "t-${x}.csv", plots: plots/, deep: sub/./file }
          env: { N: "${n}", EMPTY: , T: 1e-3 }
          pass-env: [DISPLAY]
          tools: [tool, other]
        t: { run: x, tools: { a: "a --version ${n}", b: } }
      """)
    let command = try #require(plan.command("s[a]"))
    #expect(command.text == "tool -n 2 ${in.data} -o ${out.table} \"$HOME\" `pwd` a")
    #expect(command.environment == ["N": "2", "EMPTY": "", "T": "1e-3"])
    #expect(command.passed == ["DISPLAY"])
    #expect(command.tools == ["tool": nil, "other": nil])
    #expect(plan.command("t")?.tools == ["a": "a --version 2", "b": nil])
    let outputs = try #require(plan["s[a]"]?.outputs)
    #expect(outputs.map(\.file) == ["t-a.csv", "plots/", "sub/file"])
    #expect(outputs.map(\.keyed) == [false, true, false])
  }

  @Test(arguments: [
    ("{ o: /abs }", "is absolute"), ("{ o: ../x }", "leads outside by '..'"),
    ("{ o: . }", "the folder in which"),
    ("{ o: '' }", "the folder in which"), ("{ o: a, p: a }", "overlap"), ("{ o: a/, p: a/b }", "overlap"),
    ("{ o: \"${d}\" }", "must be written in out: itself"),
    ("{ \"o o\": a }", "cannot be the name of an output"),
    ("{ o: \"a\\nb\" }", "control character"),
  ]) func `An output stays inside the command's folder`(outputs: String, message: String) {
    let error = planError("params: { d: x/ }\nstages: { s: { run: x, out: \(outputs) } }")
    #expect(error.contains(message), "\(error)")
  }

  private func published(_ publish: String, out: String = "{ t: t.csv }", keys: String = "") throws
    -> [String]
  {
    let keys = keys.isEmpty ? "" : "for: \(keys), "
    let plan = try plan(
      "params: { n: v }\nstages: { s: { \(keys)run: x, out: \(out), publish: \(publish) } }")
    return plan.instances.flatMap(\.publish).map { "\($0.output): \($0.path)" }
  }

  @Test func `Outputs are published into a folder, at a path, or one by one`() throws {
    #expect(try published("true") == ["t: results/t.csv"])
    #expect(try published("false") == [])
    #expect(try published("out/") == ["t: out/t.csv"])
    #expect(try published("\"./out//${n}/\"") == ["t: out/v/t.csv"])
    #expect(try published("here.csv") == ["t: here.csv"])
    #expect(
      try published("true", out: "{ t: a/t.csv, p: plots/ }") == ["t: results/t.csv", "p: results/plots"])
    #expect(try published("{ p: pictures }", out: "{ t: t.csv, p: plots/ }") == ["p: pictures"])
    #expect(
      try published("{ t: x/, p: y/ }", out: "{ t: t.csv, p: plots/ }") == ["t: x/t.csv", "p: y/plots"])
    #expect(
      try published("true", keys: "{ a: [1, 2], b: [x] }") == [
        "t: results/1,x/t.csv", "t: results/2,x/t.csv",
      ])
    #expect(try published("\"${a}.csv\"", keys: "{ a: [1, 2] }") == ["t: 1.csv", "t: 2.csv"])
  }

  @Test func `A keyed output of an operation is published as a folder of its name`() throws {
    let plan = try plan("stages: { i: { op: curve.import, in: { file: x }, publish: true } }")
    #expect(plan["i"]?.publish == [PublishRule(output: "curves", path: "results/curves")])
  }

  @Test(arguments: [
    ("{ a: 1..2 }", "one.csv", "'one.csv' is published twice"), ("{ a: [1] }", "/abs", "is absolute"),
    ("{ a: [1] }", "../up", "leads outside by '..'"), ("{ a: [1] }", "a/../../b", "leads outside by '..'"),
    ("{ a: [1] }", "[x]", "not a list"), ("{ a: [1] }", "{ tt: x }", "did you mean 't'?"),
    ("{ a: [1] }", "''", "publish: takes a path"),
  ]) func `What cannot be published is refused`(keys: String, publish: String, message: String) {
    let error = planError("stages: { s: { for: \(keys), run: x, out: { t: t.csv }, publish: \(publish) } }")
    #expect(error.contains(message), "\(error)")
  }

  @Test func `Published paths neither overlap nor fall upon sources`() {
    func error(_ first: String, _ second: String, reads: String = "nothing.csv") -> String {
      planError(
        """
        stages:
          a: { run: x, out: { t: t.csv }, publish: \(first) }
          b: { run: x, in: { i: \(reads) }, out: { t: t.csv }, publish: \(second) }
        """)
    }
    #expect(error("r/a", "r/b") == "no error")
    #expect(error("r/", "r/").contains("'r/t.csv' is published twice"))
    #expect(error("r/x", "r/x/y").contains("'r/x/y' is to be published inside 'r/x'"))
    #expect(error("r/a", "r/b", reads: "r/a").contains("reads 'r/a', into which 'a' publishes"))
    #expect(error("r/a", "r/b", reads: "./q/../r/a").contains("into which 'a' publishes"))
    #expect(error("r/a", "r/b", reads: "r").contains("reads 'r', into which"))
    #expect(error("r/a", "r/b", reads: ".").contains("reads '.', into which"))
    #expect(error("r/a", "r/b", reads: "r/c") == "no error")
    #expect(
      planError("stages: { a: { run: x, out: { t: t, u: u }, publish: one } }").contains("has 2 outputs"))
  }

  @Test(arguments: ["\"a\\0b\"", "\"${zero}\"", "\"${zero}${x}\""])
  func `What the environment would cut off is refused`(value: String) {
    let error = planError(
      """
      params: { zero: "a\\0b" }
      stages:
        s:
          for: { x: { row: { value: 1 } } }
          run: x
          env: { TAIL: \(value) }
      """)
    #expect(error.hasPrefix("p.yaml:6:"), "\(error)")
    #expect(error.contains("the environment variable 'TAIL' cannot hold a NUL character"), "\(error)")
  }
}
