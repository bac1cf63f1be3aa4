import Actions
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct GrowingOutputTests {
  @Test func `An output says in which folder it grows, and is the pattern that it stands for`() throws {
    let plan = try plan(
      """
      stages:
        s:
          for: { x: [a, b] }
          run: x
          out:
            c: { folder: "ckpt/${x}", key: "step_*.pt", grows: true, eager: true }
            d: { folder: all/, grows: true, eager: false }
            e: { folder: rest/, grows: false }
            f: { folder: ., key: "*.json" }
            g: plain.txt
          resume: true
      """)
    let instance = try #require(plan["s[b]"])
    #expect(
      instance.outputs.map(\.file) == ["ckpt/b/step_*.pt", "all/", "rest/", "./*.json", "plain.txt"])
    #expect(instance.outputs.map(\.keyed) == [true, true, true, true, false])
    let command = try #require(plan.command("s[b]"))
    #expect(command.growing == ["c", "d"] && command.eager == ["c"] && command.resumes)
    let read = try StageInstance(instance.json, registry: OperationRegistry([]))
    #expect(read.json == instance.json)
  }

  @Test(arguments: [
    ("{ key: \"a*\", grows: true }", "the output 'o' has no folder:"),
    ("{ folder: c/, key: a.pt }", "key: takes the name of a file with one '*', not 'a.pt'"),
    ("{ folder: c/, key: \"b/*\" }", "key: takes the name of a file with one '*'"),
    ("{ folder: c/, key: \"*-*\" }", "key: takes the name of a file with one '*'"),
    ("{ folder: \"c*/\", key: \"*\" }", "is no pattern"),
    ("{ folder: ../c/, grows: true }", "../c"),
    ("{ folder: [c], grows: true }", "folder: takes a text, not a list"),
    ("{ folder: , grows: true }", "folder: takes a text, not nothing"),
    ("{ folder: c/, grows: soon }", "grows: takes true or false, not 'soon'"),
    ("{ folder: c/, grow: true }", "the output 'o' has no 'grow:'"),
    ("{ folder: c/, eager: true }", "the output 'o' is eager and does not grow"),
    ("{ folder: c/, grows: false, eager: true }", "the output 'o' is eager and does not grow"),
    ("{ folder: c/, grows: true, eager: now }", "eager: takes true or false, not 'now'"),
    ("{ folder: \"${nothing}/\" }", "nothing"),
  ]) func `What is no output that grows is refused where it stands`(output: String, message: String) {
    let error = planError("stages:\n  s:\n    run: x\n    out: { o: \(output) }\n")
    #expect(error.hasPrefix("p.yaml:4:") && error.contains(message), "\(error)")
  }

  @Test func `Only commands resume`() {
    #expect(
      planError("stages:\n  s:\n    op: curve.fit\n    resume: true\n").contains("is for run: stages"))
    #expect(
      planError("stages:\n  s:\n    run: x\n    resume: often\n").contains("resume: takes true or false"))
  }
}
